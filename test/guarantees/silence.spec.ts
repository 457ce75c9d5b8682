import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Redis } from 'ioredis';
import { Client } from 'pg';
import { identity } from '#contracts/identity';
import { session } from '#contracts/session';
import { token } from '#contracts/token';
import { Admin } from '../support/admin.js';
import { KeyHolder, refresh, signIn } from '../support/api-key.js';
import { Browser } from '../support/browser.js';
import { busOf, factsOf } from '../support/bus.js';
import { request } from '../support/http.js';
import { exchange, Member } from '../support/member.js';
import { Partner } from '../support/partner.js';
import { Project } from '../support/project.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

const attempt = { support: 'abcdefghij', address: '0123456789abcdef' };

/** INV-20: whoever reads the logs, the facts, a dump of the database or Redis finds no secret of the run. */
describe('after a run, no secret of it', () => {
  let stack: Stack;
  /** By what it is. */
  const secrets = new Map<string, string>();
  /** Personal data, which has its own columns and belongs nowhere else. */
  const personal = ['canary.person@example.com', 'Canary Person'];

  beforeAll(async () => {
    stack = await startStack();
    for (const [name, value] of Object.entries(stack.secrets)) {
      secrets.set(name, value);
      if (value.includes(':')) secrets.set(`${name} itself`, value.slice(value.indexOf(':') + 1));
    }
    const admin = new Admin(stack);
    const partner = await Partner.register(admin);
    secrets.set('link secret', partner.secret);

    const visitor = new Browser(stack.url);
    const good = partner.token({ userId: 'canary-user', email: personal[0], username: personal[1] });
    const refused = partner.token({ userId: 'canary-user' }, { secret: 'not the secret of this client, surely' });
    await visitor.open(partner.linkWith(good));
    await visitor.open(partner.linkWith(refused));
    await new Browser(stack.url).open(partner.linkWith(good));
    await new Browser(stack.url).open(partner.linkWith(`${good}x`, { callbackPath: '//canary.example' }));
    secrets
      .set('link', good)
      .set('refused link', refused)
      .set('cookie', visitor.cookie.replace(/^segue=/, ''));
    await visitor.open('/v1/session');

    const { secret: second } = await admin.post(`clients/${partner.clientId}/link-secrets`, {});
    const { key, keyId } = await admin.post(`clients/${partner.clientId}/api-keys`, {
      name: 'k',
      kind: 'private',
      scopes: ['users.read'],
    });
    const { key: rotated } = await admin.post(`clients/${partner.clientId}/api-keys/${keyId}/rotate`, {});
    secrets.set('second link secret', second).set('API key', key).set('rotated API key', rotated);

    const { bus, close } = await busOf(stack);
    const [password, wrong, totp] = ['canary of a password', 'canary of a wrong one', 'canary-code'];
    const username = 'canary.password@example.com';
    const { userId } = await admin.post(`clients/${partner.clientId}/users`, { email: username, password });
    const { secret: factor } = await admin.post(`clients/${partner.clientId}/users/${userId}/totp`);
    for (const tried of [{ password: wrong }, { password }, { password, totp }]) {
      const asked = { clientId: partner.clientId, username, ...tried, attempt };
      await bus.ask(identity.checkPassword, asked).catch(() => undefined);
    }
    await admin.patch(`clients/${partner.clientId}/users/${userId}`, { password: `${password}, changed` });
    secrets.set('password', password).set('wrong password', wrong).set('wrong code', totp).set('second factor', factor);
    personal.push(username);
    await bus.ask(token.authenticate, { key, attempt });
    await bus.ask(token.authenticate, { key: `${key}x`, attempt }).catch(() => undefined);
    const opened = await bus.ask(session.open, {
      sessionId: crypto.randomUUID(),
      clientId: partner.clientId,
      subject: crypto.randomUUID(),
      epoch: 0,
      protocol: 'client-auth',
      origin: null,
      originUntil: null,
      lifetimeSeconds: 900,
      credential: 'refresh',
      attempt,
    });
    const protocols = ['client-auth' as const];
    const { refreshToken } = await bus.ask(session.refresh, { refreshToken: opened.credential, protocols, attempt });
    // A superseded token after its successor was used is reuse: the loudest path there is.
    await bus.ask(session.refresh, { refreshToken, protocols, attempt });
    await bus.ask(session.refresh, { refreshToken: opened.credential, protocols, attempt }).catch(() => undefined);
    const signed = await bus.ask(token.sign, {
      kind: 'access',
      clientId: partner.clientId,
      subject: opened.session.subject,
      sessionId: opened.session.sessionId,
      scopes: [],
      jti: crypto.randomUUID(),
      ttlSeconds: 60,
    });
    secrets.set('refresh token', opened.credential).set('successor', refreshToken).set('access token', signed.token);
    await request(`${stack.url}/v1/session`, { headers: { authorization: `Bearer ${signed.token}` } });
    await request(`${stack.url}/v1/admin/clients`, { headers: { authorization: 'Bearer wrong-admin-key-canary' } });
    await request(`${stack.url}/v1/admin/clients`, { method: 'POST', body: '{"name": "broken' });
    secrets.set('wrong admin key', 'wrong-admin-key-canary');
    await walkCustomTokens(await Project.register(admin));
    await walkOneTimeTokens(admin, partner.clientId);
    await walkPrograms(await KeyHolder.register(admin, { features: { shortLivedToken: true, publicKeyAuth: true } }));
    await close();
    // The last fact is in the audit trail: everything was relayed and recorded.
    await admin.audit({ clientId: partner.clientId, type: 'session.reuse_detected' });
  }, startMs);
  afterAll(() => stack?.stop());

  /** Protocol 003: secrets that wait, are wrong, are redeemed; the session and what speaks for it. */
  async function walkCustomTokens(project: Project): Promise<void> {
    await project.addUser('canary');
    const waiting = await project.secretOf('canary', { length: 33 });
    const guarded = await project.secretOf('canary', { length: 15 });
    const wrong = 'c0ffee00c0ffee00c0ffee00';
    await project.redeem('canary', wrong);
    await project.redeem('canary', wrong.slice(0, 15));
    const session = await project.signIn('canary');
    const { jwt } = (await project.as(session.secret, 'POST', 'account/jwts')).json();
    await project.call('GET', 'account', { headers: { 'x-appwrite-jwt': `${jwt}x` } });
    const { secret } = JSON.parse(Buffer.from(session.secret, 'base64').toString());
    secrets
      .set('private key of a project', project.key)
      .set('custom token', waiting)
      .set('short custom token', guarded)
      .set('wrong custom token', wrong.slice(0, 15))
      .set('session of a custom token', session.secret)
      .set('credential of that session', secret)
      .set('account JWT', jwt);
  }

  /** Protocol 004: a password, tokens of every kind, spent, waiting, wrong, and in an address. */
  async function walkOneTimeTokens(admin: Admin, clientId: string): Promise<void> {
    const member = await Member.register(admin, clientId);
    const { access_token: bearer, refresh_token } = (await member.signIn()).json();
    await member.signIn({ password: `${member.password}x` });
    await member.refresh(refresh_token, { client_id: 'another' });
    const successor = (await member.refresh(refresh_token)).json().refresh_token;
    const [waiting, spent, landed] = await Promise.all([1, 2, 3].map(() => member.oneTimeToken(bearer)));
    const exchanged = (await exchange(stack.url, { token: spent ?? '' })).json();
    await exchange(stack.url, { token: spent ?? '' });
    const browser = new Browser(stack.url);
    for (const door of ['login', 'user/login', 'login'])
      await browser.open(`/${door}?${new URLSearchParams({ t: landed ?? '', redirectUrl: '//canary.example' })}`);
    const authorization = `Bearer ${bearer}`;
    const media = await request(`${stack.url}/api/auth/media/customer`, { headers: { authorization } });
    const { jwt } = media.json();
    for (const t of [jwt, `${jwt}x`]) await request(`${stack.url}/v1/media/verify?t=${t}`);
    secrets
      .set('password of a member', member.password)
      .set('bearer', bearer)
      .set('refresh token of a bearer', refresh_token)
      .set('its successor', successor)
      .set('waiting one-time token', waiting ?? '')
      .set('exchanged one-time token', spent ?? '')
      .set('landed one-time token', landed ?? '')
      .set('exchanged bearer', exchanged.token)
      .set('cookie of a landing', browser.cookie.replace(/^segue=/, ''))
      .set('media token', jwt);
    personal.push(member.email);
  }

  /** Protocols 001 and 002: keys and tokens, good and wrong, in headers, bodies and addresses, where they belong and where not. */
  async function walkPrograms(holder: KeyHolder): Promise<void> {
    const [{ key }, { key: publicKey }] = [await holder.newKey(['tokens.issue']), await holder.newPublicKey()];
    const [id = '', secret = ''] = [key.slice(0, key.lastIndexOf('_')), key.slice(key.lastIndexOf('_') + 1)];
    const mint = (query: object, headers = {}) =>
      request(`${stack.url}/api/clients/jwt/token?${new URLSearchParams({ ...query })}`, { headers });
    const sdk = (await mint({ extId: 'canary-of-an-extId' }, { apikey: key })).json().token;
    await mint({ apikey: key });
    await mint({}, { apikey: key, origin: 'https://shop.example.com' });
    for (const token of [sdk, `${sdk}x`])
      await request(`${stack.url}/v1/client`, { headers: { authorization: `Bearer ${token}` } });
    await request(`${stack.url}/v1/client`, { headers: { apikey: publicKey } });

    const pair = (await signIn(stack.url, key)).json();
    await signIn(stack.url, id, { api_secret: `${secret}x` });
    const authorization = `Bearer ${pair.refresh_token}`;
    const traced = await request(`${stack.url}/v1/auth`, { method: 'TRACE', headers: { authorization } });
    const { refresh_token: successor } = traced.json();
    await refresh(stack.url, successor);
    await request(`${stack.url}/v1/auth?refresh_token=${successor}`);
    await refresh(stack.url, pair.refresh_token);
    secrets
      .set('private key of a program', key)
      .set('its secret alone', secret)
      .set('public key', publicKey)
      .set('SDK token', sdk)
      .set('access token of a key', pair.access_token)
      .set('refresh token of a key', pair.refresh_token)
      .set('successor of that', successor);
    personal.push('canary-of-an-extId');
  }

  it('occurs in a log', () => {
    const logs = readdirSync(stack.logs).map((file) => readFileSync(join(stack.logs, file), 'utf8'));
    expect(logs.length).toBeGreaterThanOrEqual(5);
    expect(foundIn(logs.join('\n'))).toEqual([]);
  });

  it('occurs in a fact', async () => {
    const facts = await factsOf(stack);
    expect(facts.length).toBeGreaterThan(10);
    expect(foundIn(facts.join('\n'))).toEqual([]);
  });

  it('occurs in a table, but for personal data in its own columns', async () => {
    const database = new Client({ connectionString: stack.postgres });
    await database.connect();
    const { rows: tables } = await database.query(
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema')`,
    );
    const dump = new Map<string, string>();
    for (const { name } of tables) {
      const { rows } = await database.query(`SELECT row_to_json(t)::text AS row FROM ${name} t`);
      dump.set(name, rows.map(({ row }) => row).join('\n'));
    }
    await database.end();
    expect(dump.get('token.clients')).toContain('Partner');
    const holders = [...dump].filter(([, rows]) => foundIn(rows).length > 0).map(([name]) => name);
    expect(holders.filter((name) => !['identity.users', 'identity.emails'].includes(name))).toEqual([]);
    const withoutPersons = foundIn([...dump.values()].join('\n')).filter((what) => !personal.includes(what));
    expect(withoutPersons).toEqual([]);
  });

  it('occurs in Redis', async () => {
    const redis = new Redis(stack.redis);
    const keys = await redis.keys('*');
    const values = await Promise.all(keys.map((key) => redis.dump(key)));
    await redis.quit();
    expect(keys.length).toBeGreaterThan(0);
    expect(foundIn([...keys, ...values].join('\n'))).toEqual([]);
  });

  function foundIn(text: string): string[] {
    const found = [...secrets].filter(([, value]) => text.includes(value)).map(([what]) => what);
    return [...found, ...personal.filter((value) => text.includes(value))];
  }
});
