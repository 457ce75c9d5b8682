import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { chain, genesis, type Link } from './domain/chain.js';
import { store } from './store/data-source.js';
import { EntriesStore } from './store/entries.store.js';
import { Verify } from './verify.js';

let scratch: ScratchStore;
let entries: EntriesStore;
let verify: Verify;
let clientId: string;
let made = 0;

beforeAll(async () => {
  scratch = await scratchStore(store);
  // What a superuser can do: the tables' own refusal is out of the way.
  for (const table of ['entries', 'chains'])
    await scratch.dataSource.query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
  entries = new EntriesStore(scratch.postgres);
  verify = new Verify(entries);
});

afterAll(() => scratch.drop());

beforeEach(async () => {
  made += 1;
  clientId = `verify${made.toString().padStart(4, '0')}`;
  await append(10);
});

const newEntry = (n = 0) => ({
  clientId,
  id: randomUUID(),
  type: 'user.created',
  subject: `user/${n}`,
  at: new Date(Date.UTC(2026, 0, 1, 0, 0, n)).toISOString(),
  traceparent: null,
  body: { userId: randomUUID(), fields: ['email'] },
});

const append = (count: number) => entries.append(Array.from({ length: count }, (_, n) => newEntry(n)));

/** The rest of the statement; `$1` is the client. */
const tamper = (sql: string, ...values: unknown[]) => scratch.dataSource.query(sql, [clientId, ...values]);

async function cursorPast(head: string): Promise<string> {
  const { nextCursor } = await verify.run({ clientId, head });
  if (!nextCursor) throw new Error('the chain is walked in one go');
  return nextCursor;
}

async function rewrite(links: readonly Link[]) {
  for (const { seq, previous, hash } of links) {
    await tamper('UPDATE entries SET previous = $3, hash = $4 WHERE client_id = $1 AND seq = $2', seq, previous, hash);
  }
}

describe('verify', () => {
  it('finds a sound chain sound, and answers its head', async () => {
    const [last] = await entries.following(clientId, 9, 1);
    const head = last?.hash.toString('hex');
    expect(await verify.run({ clientId })).toEqual({
      ok: true,
      entries: 10,
      head,
      firstBroken: null,
      nextCursor: null,
    });
  });

  it('finds an empty chain sound', async () => {
    expect(await verify.run({ clientId: 'nobody01' })).toEqual({
      ok: true,
      entries: 0,
      head: null,
      firstBroken: null,
      nextCursor: null,
    });
  });

  it('walks over many pages, and is not disturbed by what is appended meanwhile', async () => {
    await append(2490);
    const [answer] = await Promise.all([verify.run({ clientId }), append(20), append(20), append(20)]);
    expect(answer).toMatchObject({ ok: true, firstBroken: null });
    await tamper(`UPDATE entries SET subject = 'user/x' WHERE client_id = $1 AND seq = 2001`);
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, entries: 2560, firstBroken: 2001 });
  });

  it('walks a long chain in stretches, each going on where the last one ended', async () => {
    for (let batches = 0; batches < 41; batches += 1) await append(500);
    const [kept] = await entries.following(clientId, 99, 1);
    const head = kept?.hash.toString('hex');
    const first = await verify.run({ clientId, head });
    expect(first).toMatchObject({ ok: true, entries: 20_510, nextCursor: expect.any(String) });
    const second = { clientId, head, cursor: first.nextCursor ?? '' };
    expect(await verify.run(second)).toMatchObject({ ok: true, firstBroken: null, nextCursor: null });

    expect(await verify.run({ ...second, cursor: await cursorPast('0'.repeat(64)) })).toMatchObject({ ok: false });
    await tamper(`UPDATE entries SET subject = 'user/x' WHERE client_id = $1 AND seq = 20400`);
    expect(await verify.run(second)).toMatchObject({ ok: false, firstBroken: 20_400, nextCursor: null });
    await tamper(`UPDATE chains SET seq = 5 WHERE client_id = $1`);
    expect(await verify.run(second)).toMatchObject({ ok: false, firstBroken: 5 });
  });

  it.each(['', 'x', 'W10'])('refuses the cursor %j', async (cursor) => {
    await expect(verify.run({ clientId, cursor })).rejects.toMatchObject({ code: 'cursor.invalid' });
  });

  it.each([
    `type = 'user.erased'`,
    `subject = 'user/other'`,
    `at = at + interval '1 ms'`,
    `traceparent = '00-'`,
    `fact_id = 'other'`,
    `body = body || '{"more": 1}'`,
    `body = jsonb_set(body, '{fields}', '[]')`,
    `previous = hash`,
    `hash = previous`,
  ])('finds an entry changed by %s', async (change) => {
    await tamper(`UPDATE entries SET ${change} WHERE client_id = $1 AND seq = 4`);
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, firstBroken: 4 });
  });

  it('finds an entry taken from another client', async () => {
    await tamper(
      `INSERT INTO chains VALUES ('other' || $1, 1, (SELECT hash FROM entries WHERE client_id = $1 AND seq = 1))`,
    );
    await tamper(`UPDATE entries SET client_id = 'other' || $1 WHERE client_id = $1 AND seq = 1`);
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, firstBroken: 1 });
    expect(await verify.run({ clientId: `other${clientId}` })).toMatchObject({ ok: false, firstBroken: 1 });
  });

  it.each([1, 5, 10])('finds entry %i removed', async (seq) => {
    await tamper('DELETE FROM entries WHERE client_id = $1 AND seq = $2', seq);
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, firstBroken: seq });
  });

  it('finds a removed entry whose place was closed', async () => {
    await tamper('DELETE FROM entries WHERE client_id = $1 AND seq = 5');
    for (let seq = 6; seq <= 10; seq += 1) {
      await tamper('UPDATE entries SET seq = seq - 1 WHERE client_id = $1 AND seq = $2', seq);
    }
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, firstBroken: 5 });
  });

  it('finds an entry inserted behind the head', async () => {
    const [last] = (await entries.following(clientId, 9, 1)) as [Link];
    const forged = chain(last, [newEntry()])[0]!;
    await tamper(
      `INSERT INTO entries (client_id, seq, fact_id, type, subject, at, body, previous, hash)
       VALUES ($1, 11, $2, $3, $4, $5, $6, $7, $8)`,
      forged.id,
      forged.type,
      forged.subject,
      forged.at,
      forged.body,
      forged.previous,
      forged.hash,
    );
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, firstBroken: 11 });
  });

  it('finds the end cut off, with and without the head', async () => {
    await tamper('DELETE FROM entries WHERE client_id = $1 AND seq > 7');
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, firstBroken: 8 });
    await tamper('DELETE FROM chains WHERE client_id = $1');
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, firstBroken: 1 });
  });

  it('finds a chain that was forged consistently but for its head', async () => {
    const [last] = (await entries.following(clientId, 9, 1)) as [Link];
    await tamper(`UPDATE entries SET type = 'user.updated' WHERE client_id = $1 AND seq = 10`);
    const [previous] = (await entries.following(clientId, 8, 1)) as [Link];
    await rewrite(chain(previous, [{ ...last, type: 'user.updated' }]));
    expect(await verify.run({ clientId })).toMatchObject({ ok: false, firstBroken: 10 });
  });

  it('proves by a head kept elsewhere that a chain forged to the last byte is not the one that was', async () => {
    const { head } = await verify.run({ clientId });
    if (!head) throw new Error('no head');
    await append(5);
    expect(await verify.run({ clientId, head })).toMatchObject({ ok: true, firstBroken: null });

    await tamper(`UPDATE entries SET type = 'user.updated' WHERE client_id = $1 AND seq = 3`);
    const forged = chain(genesis, await entries.following(clientId, 0, 100));
    await rewrite(forged);
    await tamper('UPDATE chains SET hash = $2 WHERE client_id = $1', forged.at(-1)?.hash);
    expect(await verify.run({ clientId })).toMatchObject({ ok: true });
    expect(await verify.run({ clientId, head })).toMatchObject({ ok: false, firstBroken: null });
  });
});
