import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Secret, TOTP } from 'otpauth';
import { Pool } from 'pg';
import { newCall, withCall } from '#bus/call';
import { type FactType, facts } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import { identity, user } from '#contracts/identity';
import type { Request } from '#contracts/service';
import { createLog } from '#log/log';
import { GroupedFacts } from '#outbox/grouped-facts';
import { Outbox } from '#outbox/outbox';
import { Refusals } from '#outbox/refusals';
import { poolOptions } from '#postgres/data-source';
import { Postgres } from '#postgres/postgres';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { sha256 } from '#secrets/digest';
import { parseKeyRing } from '#secrets/key-ring';
import { Arrive } from './arrive.js';
import { CheckPassword } from './check-password.js';
import { CreateUser } from './create-user.js';
import { PasswordHashing } from './password-hashing.js';
import { SecondFactors } from './second-factors.js';
import { StartAnonymous } from './start-anonymous.js';
import { store } from './store/data-source.js';
import { PasswordsStore } from './store/passwords.store.js';
import { UsersStore } from './store/users.store.js';
import { Totp } from './totp.js';
import { Turns } from './turns.js';
import { UpdateUser } from './update-user.js';
import { UserStanding } from './user-standing.js';

const log = createLog({ service: 'spec', level: 'silent' });
const totp = new Totp(parseKeyRing(`k1:${randomBytes(32).toString('base64')}`));
const attempt = { support: 'abcdefghij', address: 'hashed' };
const right = 'correct horse battery';
const email = 'canary@example.com';
const newClient = () => randomBytes(6).toString('hex');

let scratch: ScratchStore;
let second: Pool;
/** Two replicas, each with connections and computations of its own. */
let replicas: ReturnType<typeof replica>[];
let ask: ReturnType<typeof replica>;

beforeAll(async () => {
  scratch = await scratchStore(store);
  second = new Pool(poolOptions(scratch));
  ask = replica(scratch.postgres);
  replicas = [ask, replica(new Postgres(second))];
});
afterAll(async () => {
  await second.end();
  await scratch.drop();
});

function replica(postgres: Postgres, hashing = new PasswordHashing()) {
  const outbox = new Outbox();
  const users = new UsersStore(postgres, outbox);
  const passwords = new PasswordsStore(postgres, outbox);
  const refusals = new Refusals(new GroupedFacts(postgres, outbox), log);
  const checks = new CheckPassword(passwords, hashing, totp, refusals, log);
  const creation = new CreateUser(users, hashing);
  const changes = new UpdateUser(users, hashing);
  const standing = new UserStanding(users, passwords);
  const factors = new SecondFactors(users, totp);
  const anonymous = new StartAnonymous(users);
  const arrivals = new Arrive(users, refusals);
  return {
    hashing,
    passwords,
    check: async (request: Omit<Request<typeof identity.checkPassword>, 'attempt'>) =>
      identity.checkPassword.reply.parse(
        await checks.run(identity.checkPassword.request.parse({ ...request, attempt })),
      ),
    create: (request: Request<typeof user.create>) => creation.run(user.create.request.parse(request)),
    update: (request: Request<typeof user.update>) => changes.run(user.update.request.parse(request)),
    standing,
    factors,
    startAnonymous: (clientId: string) => anonymous.run({ clientId, attempt }),
    arrive: (request: Omit<Request<typeof identity.arrive>, 'attempt'>) => arrivals.run({ ...request, attempt }),
  };
}

async function ann(more: Omit<Request<typeof user.create>, 'clientId'> = {}) {
  const clientId = newClient();
  const made = await ask.create({ clientId, externalId: 'ann', email, username: 'Ann', password: right, ...more });
  const whom = { clientId, userId: made.userId };
  const tries = (password: string, code?: string) =>
    ask.check({ clientId, username: email, password, ...(code !== undefined && { totp: code }) });
  return { user: made, clientId, whom, tries };
}

/** What came of it: the fault's code, or `in`. */
async function outcome(tried: Promise<unknown>): Promise<string> {
  try {
    await tried;
    return 'in';
  } catch (error) {
    if (error instanceof Fault) return error.code;
    throw error;
  }
}

interface Failures {
  hour: number;
  row: number;
}

async function failuresOf(clientId: string, name = email): Promise<Failures | undefined> {
  const [row] = await scratch.dataSource.query(
    'SELECT cardinality(failed_at) AS hour, in_a_row AS row FROM password_failures WHERE client_id = $1 AND whom = $2',
    [clientId, sha256(name)],
  );
  return row;
}

/** As if all that failed had failed so much earlier. */
const later = (clientId: string, interval: string) =>
  scratch.dataSource.query(
    `UPDATE password_failures SET latest = latest - $2::interval,
       failed_at = ARRAY(SELECT at - $2::interval FROM unnest(failed_at) AS at)
     WHERE client_id = $1`,
    [clientId, interval],
  );

const factsOf = (clientId: string): Promise<{ type: FactType; subject: string; body: { reason?: string } }[]> =>
  scratch.dataSource.query('SELECT type, subject, body FROM outbox WHERE client_id = $1 ORDER BY position', [clientId]);

async function reasonsOf(clientId: string): Promise<(string | undefined)[]> {
  return (await factsOf(clientId)).filter(({ type }) => type === 'password.refused').map(({ body }) => body.reason);
}

describe('a password', () => {
  it('lets its user in by the e-mail, in any spelling', async () => {
    const { clientId, user: made } = await ann({ email: 'Canary@Example.com' });
    for (const username of [email, 'CANARY@EXAMPLE.COM', ` ${email} `])
      expect(await ask.check({ clientId, username, password: right })).toEqual({ user: made, epoch: 0 });
    expect(await failuresOf(clientId)).toEqual({ hour: 0, row: 0 });
    expect(await reasonsOf(clientId)).toEqual([]);
  });

  it.each([
    ['the username', 'Ann'],
    ['the externalId', 'ann'],
    ['nothing', ''],
    ['an e-mail of nobody', 'nobody@example.com'],
    ['an e-mail with a control character', 'canary\0@example.com'],
    ['half a character', 'canary\ud800'],
  ])('lets nobody in by %s', async (_, username) => {
    const { clientId } = await ann();
    expect(await outcome(ask.check({ clientId, username, password: right }))).toBe('password.refused');
    expect(await reasonsOf(clientId)).toEqual(['unknown']);
  });

  it('lets nobody in by a placeholder', async () => {
    const clientId = newClient();
    const made = await ask.create({ clientId, username: email, password: right });
    for (const username of [made.email, email, made.userId])
      expect(await outcome(ask.check({ clientId, username, password: right }))).toBe('password.refused');
  });

  it('lets nobody in elsewhere, or without one, or any more once the user is erased', async () => {
    const { whom, tries } = await ann();
    const other = newClient();
    await ask.create({ clientId: other, email });
    expect(await outcome(ask.check({ clientId: other, username: email, password: right }))).toBe('password.refused');
    expect(await reasonsOf(other)).toEqual(['unknown']);
    await ask.standing.erase(whom);
    expect(await outcome(tries(right))).toBe('password.refused');
  });

  it.each([
    ['nothing', ''],
    ['itself in capitals', right.toUpperCase()],
    ['itself and a space', `${right} `],
    ['the beginning of itself', right.slice(0, -1)],
    ['very long', 'x'.repeat(1024)],
  ])('is not %s', async (_, wrong) => {
    const { clientId, whom, tries } = await ann();
    expect(await outcome(tries(wrong))).toBe('password.refused');
    expect((await factsOf(clientId)).slice(1)).toEqual([
      {
        type: 'password.refused',
        subject: 'attempt/abcdefghij',
        body: { ...attempt, reason: 'wrong', userId: whom.userId },
      },
    ]);
  });

  it('of who is suspended is told so, and a wrong one is not', async () => {
    const { clientId, whom, tries } = await ann();
    await ask.standing.suspend(whom);
    expect(await outcome(tries('wrong password'))).toBe('password.refused');
    expect(await outcome(tries(right))).toBe('account.suspended');
    await ask.factors.start(whom);
    expect(await outcome(tries(right))).toBe('totp.required');
    expect(await outcome(tries(right, '000000x'))).toBe('password.refused');
    expect(await reasonsOf(clientId)).toEqual(['wrong', 'suspended', 'totp_wrong']);
  });

  it('stands nowhere, nor does the e-mail stand in a fact', async () => {
    const { clientId, whom, tries } = await ann();
    const { secret } = await ask.factors.start(whom);
    await ask.update({ ...whom, password: `${right} again` });
    await outcome(tries(`${right} wrong`));
    const tables = ['users', 'passwords', 'second_factors', 'password_failures', 'outbox'];
    const dumps = tables.map((table) => `(SELECT jsonb_agg(to_jsonb(${table}))::text FROM ${table})`).join(' || ');
    const [{ dump }] = await scratch.dataSource.query(`SELECT ${dumps} AS dump`);
    expect(dump).toContain(whom.userId);
    expect(dump).toContain('$argon2id$v=19$m=19456,t=2,p=1$');
    expect(dump).not.toContain(right);
    expect(dump).not.toContain(secret);
    const stated = await factsOf(clientId);
    for (const { type, body } of stated) facts[type].parse(body);
    expect(JSON.stringify(stated)).not.toMatch(/canary|@|horse/);
  });

  it('kept at a lower cost is kept at the present one as soon as its user signs in', async () => {
    const { whom, tries } = await ann();
    // `password`, as the reference implementation hashes it
    const old = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    const values = [whom.clientId, whom.userId];
    const kept = async () =>
      (await scratch.dataSource.query('SELECT hash FROM passwords WHERE client_id = $1 AND user_id = $2', values))[0]
        .hash;
    await scratch.dataSource.query('UPDATE passwords SET hash = $3 WHERE client_id = $1 AND user_id = $2', [
      ...values,
      old,
    ]);
    await outcome(tries('passwort'));
    expect(await kept()).toBe(old);
    expect((await tries('password')).epoch).toBe(0);
    const renewed = await kept();
    expect(renewed).toContain('$m=19456,t=2,p=1$');
    expect((await tries('password')).epoch).toBe(0);
    expect(await kept()).toBe(renewed);
  });
});

describe('another password', () => {
  it('ends what was open, and lets nobody in by the one before', async () => {
    const { clientId, whom, tries } = await ann();
    await ask.update({ ...whom, password: 'another password' });
    expect(await outcome(tries(right))).toBe('password.refused');
    expect((await tries('another password')).epoch).toBe(1);
    await ask.update({ ...whom, username: 'Anna' });
    expect((await tries('another password')).epoch).toBe(1);
    await ask.update({ ...whom, username: 'Ann', password: null });
    expect(await outcome(tries('another password'))).toBe('password.refused');
    await ask.update({ ...whom, password: null });
    expect((await factsOf(clientId)).filter(({ type }) => type !== 'password.refused')).toEqual(
      [
        ['user.created', { userId: whom.userId, fields: ['externalId', 'email', 'username', 'password'] }],
        ['user.password_changed', { userId: whom.userId, epoch: 1, change: 'set' }],
        ['user.updated', { userId: whom.userId, fields: ['username'] }],
        ['user.updated', { userId: whom.userId, fields: ['username'] }],
        ['user.password_changed', { userId: whom.userId, epoch: 2, change: 'removed' }],
      ].map(([type, body]) => ({ type, subject: `user/${whom.userId}`, body })),
    );
  });

  it.each([
    ['empty', ''],
    ['of seven characters', 'seven77'],
    ['of 257 characters', 'x'.repeat(257)],
    ['half a character', 'lone \ud800 half'],
    ['a control character', 'tab\tulator'],
  ])('is not %s', async (_, password) => {
    const { whom } = await ann();
    expect(() => user.update.request.parse({ ...whom, password })).toThrow();
    expect(() => user.create.request.parse({ clientId: whom.clientId, password })).toThrow();
  });

  it('is not taken together with what is refused', async () => {
    const { clientId, whom, tries } = await ann();
    await ask.create({ clientId, externalId: 'bob' });
    const both = ask.update({ ...whom, externalId: 'bob', password: 'another password' });
    expect(await outcome(both)).toBe('user.already_exists');
    expect((await tries(right)).epoch).toBe(0);
    expect(await outcome(ask.create({ clientId, externalId: 'bob', password: 'x'.repeat(8) }))).toBe(
      'user.already_exists',
    );
  });

  it('of ten at once is one of them, and each ends what was open', async () => {
    const { whom, tries } = await ann();
    const changed = await Promise.allSettled(
      Array.from({ length: 10 }, (_, n) => replicas[n % 2]!.update({ ...whom, password: `password ${n}` })),
    );
    expect(changed.filter(({ status }) => status === 'rejected')).toEqual([]);
    const [{ hash }] = await scratch.dataSource.query('SELECT hash FROM passwords WHERE client_id = $1', [
      whom.clientId,
    ]);
    const matching = [];
    for (let n = 0; n < 10; n += 1) if (await ask.hashing.matches(`password ${n}`, hash)) matching.push(n);
    expect(matching).toHaveLength(1);
    expect((await tries(`password ${matching[0]}`)).epoch).toBe(10);
  });
});

describe('failures', () => {
  it('are ten an hour, of known and unknown e-mails alike', async () => {
    const { clientId } = await ann();
    for (const username of [email, 'nobody@example.com', 'no e-mail']) {
      const tries = (password: string) => outcome(ask.check({ clientId, username, password }));
      for (let n = 0; n < 10; n += 1) expect(await tries('wrong password')).toBe('password.refused');
      expect(await tries(right)).toBe('password.refused');
      expect(await failuresOf(clientId, username)).toEqual({ hour: 10, row: 10 });
    }
    const reasons = await reasonsOf(clientId);
    expect(reasons.filter((reason) => reason === 'wrong')).toHaveLength(10);
    expect(reasons.filter((reason) => reason === 'unknown')).toHaveLength(20);
    expect(reasons.filter((reason) => reason === 'locked')).toHaveLength(3);
  });

  it('are ten in any hour: each ends one hour after it happened', async () => {
    const { clientId, tries } = await ann();
    for (let n = 0; n < 4; n += 1) await outcome(tries('wrong password'));
    await later(clientId, '40 minutes');
    for (let n = 0; n < 6; n += 1) await outcome(tries('wrong password'));
    expect(await outcome(tries(right))).toBe('password.refused');
    await later(clientId, '21 minutes');
    for (let n = 0; n < 4; n += 1) await outcome(tries('wrong password'));
    expect(await failuresOf(clientId)).toEqual({ hour: 10, row: 14 });
    expect(await outcome(tries(right))).toBe('password.refused');
  });

  it('a success takes only its own count off the hour, and ends the row', async () => {
    const { clientId, tries } = await ann();
    for (let n = 0; n < 9; n += 1) await outcome(tries('wrong password'));
    expect((await tries(right)).epoch).toBe(0);
    expect(await failuresOf(clientId)).toEqual({ hour: 9, row: 0 });
    await outcome(tries('wrong password'));
    expect(await outcome(tries(right))).toBe('password.refused');
  });

  it('a hundred in a row are a lock, whatever time goes by, until it is taken away', async () => {
    const { clientId, whom, tries } = await ann();
    await scratch.dataSource.query(
      `INSERT INTO password_failures (client_id, whom, failed_at, in_a_row, latest)
       VALUES ($1, $2, '{}', 99, now() - interval '10 years')`,
      [clientId, sha256(email)],
    );
    await outcome(tries('wrong password'));
    await later(clientId, '10 years');
    expect(await outcome(tries(right))).toBe('password.refused');
    expect(await reasonsOf(clientId)).toEqual(['wrong', 'locked']);
    while ((await ask.passwords.forgetFailures(500)) > 0);
    expect(await outcome(tries(right))).toBe('password.refused');
    expect(await ask.standing.unlock(whom)).toMatchObject({ userId: whom.userId, status: 'active' });
    expect((await tries(right)).epoch).toBe(0);
  });

  it('the hundredth is judged still: a success ends the row', async () => {
    const { clientId, tries } = await ann();
    await scratch.dataSource.query(
      `INSERT INTO password_failures (client_id, whom, failed_at, in_a_row, latest) VALUES ($1, $2, '{}', 99, now())`,
      [clientId, sha256(email)],
    );
    expect((await tries(right)).epoch).toBe(0);
    expect(await failuresOf(clientId)).toEqual({ hour: 0, row: 0 });
  });

  it('of 500 at once at two replicas ten are judged', async () => {
    const { clientId, tries } = await ann();
    const burst = Array.from({ length: 500 }, (_, n) =>
      outcome(replicas[n % 2]!.check({ clientId, username: email, password: `wrong ${n}` })),
    );
    expect(new Set(await Promise.all(burst))).toEqual(new Set(['password.refused']));
    expect(await failuresOf(clientId)).toEqual({ hour: 10, row: 10 });
    const reasons = await reasonsOf(clientId);
    expect(reasons.filter((reason) => reason === 'wrong')).toHaveLength(10);
    expect(reasons.filter((reason) => reason === 'locked')).toHaveLength(490);
    expect(await outcome(tries(right))).toBe('password.refused');
  }, 20_000);

  it('of nobody’s e-mail too', async () => {
    const clientId = newClient();
    const burst = Array.from({ length: 100 }, (_, n) =>
      outcome(replicas[n % 2]!.check({ clientId, username: email, password: `wrong ${n}` })),
    );
    expect(new Set(await Promise.all(burst))).toEqual(new Set(['password.refused']));
    expect(await failuresOf(clientId)).toEqual({ hour: 10, row: 10 });
  });

  it('leave nothing of many who were right at once', async () => {
    const { clientId, tries } = await ann();
    const burst = Array.from({ length: 50 }, (_, n) =>
      outcome(replicas[n % 2]!.check({ clientId, username: email, password: right })),
    );
    const came = await Promise.all(burst);
    expect(came.filter((one) => one === 'in').length).toBeGreaterThanOrEqual(10);
    expect(await failuresOf(clientId)).toEqual({ hour: 0, row: 0 });
    expect(await outcome(tries(right))).toBe('in');
  });

  it('are none where the service was too busy to judge', async () => {
    const { clientId } = await ann();
    const small = replica(scratch.postgres, new PasswordHashing(new Turns(1, 1)));
    const came = await Promise.all(
      Array.from({ length: 5 }, () => outcome(small.check({ clientId, username: email, password: 'wrong password' }))),
    );
    expect(came.toSorted()).toEqual([...Array(2).fill('password.refused'), ...Array(3).fill('service.busy')]);
    expect(await failuresOf(clientId)).toEqual({ hour: 2, row: 2 });
  });

  it('are none where the caller had gone meanwhile', async () => {
    const { clientId } = await ann();
    const turns = new Turns(1, 1);
    const small = replica(scratch.postgres, new PasswordHashing(turns));
    const held = Promise.withResolvers<void>();
    const before = turns.take(() => held.promise);
    const late = withCall(newCall(Date.now(), 1500), () =>
      outcome(small.check({ clientId, username: email, password: right })),
    );
    setTimeout(held.resolve, 1600);
    expect(await late).toBe('service.busy');
    expect(await failuresOf(clientId)).toEqual({ hour: 0, row: 0 });
    await before;
  });

  it('are forgotten after 90 days without one, and with who bore the e-mail', async () => {
    const { clientId, whom, tries } = await ann();
    await outcome(tries('wrong password'));
    await ask.update({ ...whom, email: 'elsewhere@example.com' });
    expect(await failuresOf(clientId)).toBeUndefined();
    await outcome(ask.check({ clientId, username: 'elsewhere@example.com', password: 'wrong password' }));
    await ask.standing.erase(whom);
    expect(await failuresOf(clientId, 'elsewhere@example.com')).toBeUndefined();

    await outcome(tries('wrong password'));
    await later(clientId, '89 days');
    while ((await ask.passwords.forgetFailures(500)) > 0);
    expect(await failuresOf(clientId)).toEqual({ hour: 1, row: 1 });
    await later(clientId, '2 days');
    while ((await ask.passwords.forgetFailures(500)) > 0);
    expect(await failuresOf(clientId)).toBeUndefined();
  });

  it('take as long, whatever they are for', async () => {
    const { clientId } = await ann();
    const names = [email, 'nobody@example.com', 'no e-mail'];
    const fail = (username: string) => outcome(ask.check({ clientId, username, password: 'wrong password' }));
    // In turns, so that whatever else the machine does falls on all of them.
    const fastest = async (most: number) => {
      const least = names.map(() => Number.POSITIVE_INFINITY);
      for (let n = 0; n < most; n += 1) {
        for (const [index, name] of names.entries()) {
          const began = performance.now();
          await fail(name);
          least[index] = Math.min(least[index] ?? 0, performance.now() - began);
        }
      }
      return least;
    };
    const judged = await fastest(5);
    for (const each of judged) expect(each).toBeGreaterThan(Math.max(...judged) / 2);
    for (let n = 0; n < 5; n += 1) for (const name of names) await fail(name);
    const locked = await fastest(4);
    expect(await reasonsOf(clientId)).toContain('locked');
    for (const each of locked) expect(each).toBeGreaterThan(Math.max(...judged) / 2);
  });
});

describe('unlocking', () => {
  it('lets a user in who failed too often, and is nothing for who did not', async () => {
    const { whom, tries } = await ann();
    expect(await ask.standing.unlock(whom)).toMatchObject({ email });
    for (let n = 0; n < 10; n += 1) await outcome(tries('wrong password'));
    expect(await outcome(tries(right))).toBe('password.refused');
    await ask.standing.unlock(whom);
    expect((await tries(right)).epoch).toBe(0);
    const { userId } = await ask.create({ clientId: whom.clientId });
    expect(await ask.standing.unlock({ ...whom, userId })).toMatchObject({ userId });
  });

  it('of nobody is a fault', async () => {
    const { whom } = await ann();
    await expect(ask.standing.unlock({ ...whom, clientId: newClient() })).rejects.toMatchObject({
      code: 'user.missing',
    });
    await ask.standing.erase(whom);
    await expect(ask.standing.unlock(whom)).rejects.toMatchObject({ code: 'user.missing' });
  });
});

describe('a second factor', () => {
  const codeAt = (secret: string, timestamp: number) =>
    new TOTP({ secret: Secret.fromBase32(secret) }).generate({ timestamp });

  async function annWithFactor() {
    const known = await ann();
    const { secret, uri } = user.startTotp.reply.parse(await ask.factors.start(known.whom));
    return { ...known, secret, uri, code: (timestamp = Date.now()) => codeAt(secret, timestamp) };
  }

  it('is asked for after the right password only, which is no failure and no success', async () => {
    const { clientId, tries, code } = await annWithFactor();
    for (let n = 0; n < 3; n += 1) expect(await outcome(tries('wrong password', code()))).toBe('password.refused');
    for (let n = 0; n < 12; n += 1) expect(await outcome(tries(right))).toBe('totp.required');
    expect(await outcome(tries(right, ''))).toBe('totp.required');
    expect(await outcome(tries('wrong password'))).toBe('password.refused');
    expect(await failuresOf(clientId)).toEqual({ hour: 4, row: 4 });
    expect(await reasonsOf(clientId)).toEqual(Array(4).fill('wrong'));
    expect((await tries(right, code())).user.email).toBe(email);
    expect(await failuresOf(clientId)).toEqual({ hour: 4, row: 0 });
  });

  it('is taken once, and none before it any more', async () => {
    const { clientId, tries, code } = await annWithFactor();
    const at = Date.now();
    expect(await outcome(tries(right, code(at)))).toBe('in');
    expect(await outcome(tries(right, code(at)))).toBe('password.refused');
    expect(await outcome(tries(right, code(at - 30_000)))).toBe('password.refused');
    expect(await reasonsOf(clientId)).toEqual(['totp_wrong', 'totp_wrong']);
    expect(await outcome(tries(right, code(at + 30_000)))).toBe('in');
  });

  it('that is wrong counts as a failure: ten, and the right one is not taken', async () => {
    const { clientId, tries, code } = await annWithFactor();
    const near = [-2, -1, 0, 1, 2].map((steps) => code(Date.now() + steps * 30_000));
    const wrong = ['000000', '111111', '222222', '333333', '444444', '555555'].find((one) => !near.includes(one))!;
    for (let n = 0; n < 10; n += 1) expect(await outcome(tries(right, wrong))).toBe('password.refused');
    expect(await outcome(tries(right, code()))).toBe('password.refused');
    expect(await reasonsOf(clientId)).toEqual([...Array(10).fill('totp_wrong'), 'locked']);
  });

  it('is replaced by another, and taken away', async () => {
    const { clientId, whom, tries, code } = await annWithFactor();
    const { secret } = await ask.factors.start(whom);
    expect(await outcome(tries(right, code()))).toBe('password.refused');
    expect(await outcome(tries(right, codeAt(secret, Date.now())))).toBe('in');
    for (let times = 0; times < 2; times += 1) expect(await ask.factors.stop(whom)).toBeNull();
    expect(await outcome(tries(right))).toBe('in');
    expect(await outcome(tries(right, 'whatever'))).toBe('in');
    const told = (await factsOf(clientId)).filter(({ type }) => type === 'user.updated');
    expect(told.map(({ body }) => body)).toEqual(Array(3).fill({ userId: whom.userId, fields: ['totp'] }));
  });

  it('of nobody is a fault', async () => {
    const whom = { clientId: newClient(), userId: crypto.randomUUID() };
    await expect(ask.factors.start(whom)).rejects.toMatchObject({ code: 'user.missing' });
    await expect(ask.factors.stop(whom)).rejects.toMatchObject({ code: 'user.missing' });
  });

  it('lets in one of 50 with the same code', async () => {
    const { clientId, code } = await annWithFactor();
    const same = code();
    const burst = Array.from({ length: 50 }, (_, n) =>
      outcome(replicas[n % 2]!.check({ clientId, username: email, password: right, totp: same })),
    );
    const came = await Promise.all(burst);
    expect(came.filter((one) => one === 'in')).toHaveLength(1);
    expect(came.filter((one) => one === 'password.refused')).toHaveLength(49);
  });

  it('has steps that are claimed by one of 50', async () => {
    const { whom } = await annWithFactor();
    const [{ sealed }] = await scratch.dataSource.query('SELECT sealed FROM second_factors WHERE client_id = $1', [
      whom.clientId,
    ]);
    const claims = (step: number) =>
      Promise.all(Array.from({ length: 50 }, (_, n) => replicas[n % 2]!.passwords.claimStep(whom, sealed, step)));
    for (const step of [7, 8]) expect((await claims(step)).filter(Boolean)).toHaveLength(1);
    expect((await claims(7)).filter(Boolean)).toHaveLength(0);
    expect(await ask.passwords.claimStep(whom, 'another', 9)).toBe(false);
  });
});

describe('who is nobody any more', () => {
  const credentials = async (clientId: string) => {
    const [{ count }] = await scratch.dataSource.query(
      `SELECT (SELECT count(*) FROM passwords WHERE client_id = $1)::int
         + (SELECT count(*) FROM second_factors WHERE client_id = $1)::int AS count`,
      [clientId],
    );
    return count;
  };

  it('by erasure has neither password nor second factor', async () => {
    const { clientId, whom } = await ann();
    await ask.factors.start(whom);
    expect(await credentials(clientId)).toBe(2);
    await ask.standing.erase(whom);
    expect(await credentials(clientId)).toBe(0);
  });

  it('by a merge has neither, and who absorbed it keeps their own', async () => {
    const { clientId, tries } = await ann();
    const { user: visitor, handle } = await ask.startAnonymous(clientId);
    const alias = { clientId, userId: visitor.userId };
    await ask.update({ ...alias, password: 'of a visitor' });
    await ask.factors.start(alias);
    await ask.arrive({
      clientId,
      claims: { externalId: 'ann', anonymousAccountId: handle },
      asOf: 1000,
      hash: 'x',
      emailConflict: 'keep-owner',
    });
    expect(await credentials(clientId)).toBe(1);
    expect(await outcome(tries('of a visitor'))).toBe('password.refused');
    expect(await outcome(tries(right))).toBe('in');
    // an alias names who absorbed it
    await ask.update({ ...alias, password: 'another password' });
    expect((await tries('another password')).epoch).toBe(1);
  });
});
