import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { KeyHolder, refresh, signIn } from '../support/api-key.js';
import { Browser } from '../support/browser.js';
import { tapBus } from '../support/bus.js';
import { eventually } from '../support/eventually.js';
import { type Answer, request } from '../support/http.js';
import { exchange, Member, offer } from '../support/member.js';
import { Partner } from '../support/partner.js';
import { Project } from '../support/project.js';
import { type SqlTap, tapSql } from '../support/sql-tap.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { trusting } from '../support/trusting.js';
import { Wallet } from '../support/wallet.js';

describe('the cost of a sign-in by link', () => {
  let stack: Stack;
  let sql: SqlTap;
  let bus: Awaited<ReturnType<typeof tapBus>>;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack({
      viaDatabase: async (url) => {
        sql = await tapSql(url);
        return sql.url;
      },
    });
    partner = await Partner.register(new Admin(stack));
    bus = await tapBus(stack);
  }, startMs);
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
    await sql?.close();
  });

  const signIn = async (userId: string) => {
    bus.clear();
    sql.clear();
    const answer = await new Browser(stack.url).open(partner.link({ userId, username: 'Ada' }));
    // Beside the request goes on what is nobody's cost: facts are relayed and recorded, a gateway reads its revocation set.
    const asked = sql.asked.filter((name) => /^(token|identity|session)\.(?!page_?of)/i.test(name));
    return { status: answer.status, asks: [...bus.asked], asked };
  };

  it('is three asks and at most four SQL round trips, for somebody new and for somebody known', async () => {
    for (const userId of ['new', 'new', 'other']) {
      const { status, asks, asked } = await signIn(userId);
      expect(status).toBe(303);
      expect(asks).toEqual(['segue.token.verifyLink', 'segue.identity.arrive', 'segue.session.open']);
      expect(asked).toEqual(expect.arrayContaining(['identity.arrive', 'session.open']));
      expect(asked.length).toBeLessThanOrEqual(4);
    }
  });
});

describe('the cost of a custom token', () => {
  let stack: Stack;
  let sql: SqlTap;
  let bus: Awaited<ReturnType<typeof tapBus>>;
  let project: Project;

  beforeAll(async () => {
    stack = await startStack({
      viaDatabase: async (url) => {
        sql = await tapSql(url);
        return sql.url;
      },
    });
    project = await Project.register(new Admin(stack));
    await project.addUser('ada');
    await project.signIn('ada');
    bus = await tapBus(stack);
  }, startMs);
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
    await sql?.close();
  });

  const costOf = async <Result>(work: () => Promise<Result>) => {
    bus.clear();
    sql.clear();
    const result = await work();
    // When a key was last used is written once a minute.
    return {
      result,
      asks: [...bus.asked],
      asked: sql.asked.filter((name) => /^(token|identity|session)\.(?!page_?of|last_use)/i.test(name)),
    };
  };

  it('is two asks to make it and two to redeem it, at most three SQL round trips each', async () => {
    for (const length of [6, 32]) {
      // What is known of a key and a client is three seconds old at most.
      await project.backend('GET', 'users/ada');
      const made = await costOf(() => project.secretOf('ada', { length }));
      expect(made.asks).toEqual(['segue.identity.get', 'segue.token.offer']);
      expect(made.asked.length).toBeLessThanOrEqual(3);

      const redeemed = await costOf(() => project.redeem('ada', made.result));
      expect(redeemed.result.status).toBe(201);
      expect(redeemed.asks).toEqual(['segue.token.claim', 'segue.session.open']);
      expect(redeemed.asked).toContain('session.openFew');
      expect(redeemed.asked.length).toBeLessThanOrEqual(3);
    }
  });
});

describe('the cost of protocol 004', () => {
  let stack: Stack;
  let sql: SqlTap;
  let bus: Awaited<ReturnType<typeof tapBus>>;
  let member: Member;

  beforeAll(async () => {
    stack = await startStack({
      viaDatabase: async (url) => {
        sql = await tapSql(url);
        return sql.url;
      },
    });
    const admin = new Admin(stack);
    member = await Member.register(admin, (await Partner.register(admin)).clientId);
    await member.accessToken();
    await trusting(stack);
    bus = await tapBus(stack);
  }, startMs);
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
    await sql?.close();
  });

  const remembered = ['segue.client.read', 'segue.token.keys'];

  /** What a request asks, but for what a gateway asks once in some seconds for all requests. */
  const costOf = async (work: () => Promise<Answer>) => {
    bus.clear();
    sql.clear();
    const answer = await work();
    const trips = sql.asked.filter((name) => /^(token|identity|session)\.(?!page_?of)/i.test(name));
    return { answer, asks: bus.asked.filter((ask) => !remembered.includes(ask)), trips };
  };

  it('is three asks for a password, two of them at once', async () => {
    const { answer, asks, trips } = await costOf(() => member.signIn());
    expect(answer.status).toBe(200);
    expect(asks[0]).toBe('segue.identity.checkPassword');
    expect(asks.slice(1).sort()).toEqual(['segue.session.open', 'segue.token.sign']);
    expect(trips).toContain('session.open');
    expect(trips.length).toBeLessThanOrEqual(4);
  });

  it('is three asks for a refresh', async () => {
    const { refresh_token } = (await member.signIn()).json();
    const { answer, asks, trips } = await costOf(() => member.refresh(refresh_token));
    expect(answer.status).toBe(200);
    expect(asks).toEqual(['segue.session.refresh', 'segue.identity.get', 'segue.token.sign']);
    expect(trips).toContain('session.refresh');
    expect(trips.length).toBeLessThanOrEqual(2);
  });

  it('is one ask for a one-time token, two to land with it and three to exchange it', async () => {
    const accessToken = await member.accessToken();
    const offered = await costOf(() => offer(stack.url, accessToken));
    expect(offered.asks).toEqual(['segue.token.offer']);
    expect(offered.trips.length).toBeLessThanOrEqual(1);

    const landed = await costOf(() => request(`${stack.url}/login?t=${offered.answer.json().Value}`));
    expect([landed.answer.status, landed.answer.cookies.length]).toEqual([303, 1]);
    expect(landed.asks).toEqual(['segue.token.claim', 'segue.session.open']);
    expect(landed.trips.length).toBeLessThanOrEqual(2);

    const token = await member.oneTimeToken(accessToken);
    const exchanged = await costOf(() => exchange(stack.url, { token }));
    expect(exchanged.answer.status).toBe(200);
    expect(exchanged.asks).toEqual(['segue.token.claim', 'segue.session.open', 'segue.token.sign']);
    expect(exchanged.trips.length).toBeLessThanOrEqual(2);
  });
});

describe('the cost of what a program does with its key', () => {
  let stack: Stack;
  let sql: SqlTap;
  let bus: Awaited<ReturnType<typeof tapBus>>;
  let key: string;

  beforeAll(async () => {
    stack = await startStack({
      viaDatabase: async (url) => {
        sql = await tapSql(url);
        return sql.url;
      },
    });
    const holder = await KeyHolder.register(new Admin(stack), { features: { shortLivedToken: true } });
    ({ key } = await holder.newKey(['tokens.issue']));
    await mint();
    bus = await tapBus(stack);
  }, startMs);
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
    await sql?.close();
  });

  const mint = () => request(`${stack.url}/api/clients/jwt/token`, { headers: { apikey: key } });

  /** Of a key and a client the gateway has just asked for. */
  const hot = async (work: () => Promise<Answer>) => {
    await work();
    bus.clear();
    sql.clear();
    const answer = await work();
    const trips = sql.asked.filter((name) => /^(token|identity|session)\.(?!page_?of)/i.test(name));
    return { answer, asks: [...bus.asked], trips };
  };

  it('is one ask for a short-lived token', async () => {
    const { answer, asks, trips } = await hot(mint);
    expect([answer.status, asks]).toEqual([200, ['segue.token.sign']]);
    expect(trips.length).toBeLessThanOrEqual(1);
  });

  it('is two asks at once for signing in', async () => {
    const { answer, asks, trips } = await hot(() => signIn(stack.url, key));
    expect([answer.status, [...asks].sort()]).toEqual([200, ['segue.session.open', 'segue.token.sign']]);
    expect(trips).toEqual(['session.open']);
  });

  it('is two asks for going on', async () => {
    let { refresh_token } = (await signIn(stack.url, key)).json();
    const { answer, asks, trips } = await hot(async () => {
      const answer = await refresh(stack.url, refresh_token);
      ({ refresh_token } = answer.json());
      return answer;
    });
    expect([answer.status, asks]).toEqual([200, ['segue.session.refresh', 'segue.token.sign']]);
    expect(trips).toEqual(['session.refresh']);
  });
});

describe('the cost of introspection and revocation', () => {
  let stack: Stack;
  let sql: SqlTap;
  let bus: Awaited<ReturnType<typeof tapBus>>;
  let wallet: Wallet;

  beforeAll(async () => {
    stack = await startStack({
      viaDatabase: async (url) => {
        sql = await tapSql(url);
        return sql.url;
      },
    });
    wallet = await Wallet.fill(stack, 'mine');
    await eventually(
      async () => readFileSync(join(stack.logs, 'gateway.log'), 'utf8'),
      (log) => log.includes('revocations are known'),
    );
    bus = await tapBus(stack);
  }, startMs);
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
    await sql?.close();
  });

  const post = (path: string, token: string) =>
    request(`${stack.url}/oauth2/${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${wallet.key.key}`, 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ token }).toString(),
    });
  const costOf = async (path: string, token: string) => {
    // What is known of a key and a client is three seconds old at most.
    await post('introspect', await wallet.fresh['access token']());
    bus.clear();
    sql.clear();
    expect((await post(path, token)).status).toBe(200);
    return { asks: [...bus.asked], asked: sql.asked.filter((name) => /^session\.(?!page_?of)/i.test(name)) };
  };

  it('is no ask for an access token, and one for a refresh token or an end', async () => {
    const [accessToken, refreshToken] = [await wallet.fresh['access token'](), await wallet.fresh['refresh token']()];
    expect(await costOf('introspect', accessToken)).toEqual({ asks: [], asked: [] });
    const read = await costOf('introspect', refreshToken);
    expect([read.asks, read.asked.length]).toEqual([['segue.session.read'], 1]);
    const closed = await costOf('revoke', refreshToken);
    expect(closed.asks).toEqual(['segue.session.close']);
    expect(closed.asked.length).toBeLessThanOrEqual(2);
  });
});
