import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Client } from 'pg';
import { Admin } from '../support/admin.js';
import { Browser } from '../support/browser.js';
import { request } from '../support/http.js';
import { exchange, Member } from '../support/member.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

const many = 50;

describe('a one-time token of protocol 004, with two replicas of every service', () => {
  let stack: Stack;
  let member: Member;
  let database: Client;

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false, env: { LIMITS: 'password=1000/1m,claim=1000/1m' } });
    await Promise.all((['token', 'identity', 'session'] as const).map((name) => stack.addReplica(name)));
    const admin = new Admin(stack);
    const { clientId } = await Partner.register(admin);
    member = await Member.register(admin, clientId);
    database = new Client({ connectionString: stack.postgres });
    await database.connect();
  }, startMs);
  afterAll(async () => {
    await database?.end();
    await stack?.stop();
  });

  const childrenOf = async (accessToken: string) => {
    const { sid } = JSON.parse(Buffer.from(accessToken.split('.')[1] ?? '', 'base64url').toString());
    const { rows } = await database.query(
      'SELECT closed_at IS NULL AS open FROM session.sessions WHERE parent_id = $1',
      [sid],
    );
    return rows as { open: boolean }[];
  };

  it('gives one session, whichever of its doors 50 come to at once', async () => {
    for (let round = 0; round < 3; round++) {
      const accessToken = await member.accessToken();
      const token = await member.oneTimeToken(accessToken);
      const tried = await Promise.all(
        Array.from({ length: many }, async (_, at) => {
          if (at % 2 === 0) return (await exchange(stack.url, { token })).status === 200;
          const door = at % 4 === 1 ? '/login' : '/user/login';
          return (await new Browser(stack.url).open(`${door}?t=${token}`)).cookies.length === 1;
        }),
      );
      expect(tried.filter(Boolean)).toHaveLength(1);
      expect(await childrenOf(accessToken)).toEqual([{ open: true }]);
    }
  }, 30_000);

  it('opens nothing that lives on where its session is signed out at the very moment', async () => {
    for (let round = 0; round < 10; round++) {
      const accessToken = await member.accessToken();
      const token = await member.oneTimeToken(accessToken);
      const authorization = `Bearer ${accessToken}`;
      const [exchanged, signedOut] = await Promise.all([
        exchange(stack.url, { token }),
        request(`${stack.url}/v1/session`, { method: 'DELETE', headers: { authorization } }),
      ]);
      expect(signedOut.status).toBe(204);
      expect([200, 401]).toContain(exchanged.status);
      expect((await childrenOf(accessToken)).filter(({ open }) => open)).toEqual([]);
      expect((await exchange(stack.url, { token })).status).toBe(401);
    }
  }, 30_000);

  it('asked for by 50 at once is as many tokens', async () => {
    const accessToken = await member.accessToken();
    const tokens = await Promise.all(Array.from({ length: many }, () => member.oneTimeToken(accessToken)));
    expect(new Set(tokens).size).toBe(many);
  });

  it('refreshed by 50 at once has one successor', async () => {
    const { refresh_token } = (await member.signIn()).json();
    const answers = await Promise.all(Array.from({ length: many }, () => member.refresh(refresh_token)));
    expect(answers.map(({ status }) => status)).toEqual(Array(many).fill(200));
    expect(new Set(answers.map((answer) => answer.json().refresh_token)).size).toBe(1);
  });
});
