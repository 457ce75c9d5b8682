import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { KeyHolder, refresh, signIn } from '../support/api-key.js';
import { Browser } from '../support/browser.js';
import { tapBus } from '../support/bus.js';
import { request } from '../support/http.js';
import { exchange, Member, offer } from '../support/member.js';
import { Partner } from '../support/partner.js';
import { Project } from '../support/project.js';
import { type SqlTap, tapSql } from '../support/sql-tap.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { trusting } from '../support/trusting.js';
import { Wallet } from '../support/wallet.js';

/** What is asked once in some seconds, whatever the requests. */
const remembered = ['segue.client.read', 'segue.client.listing', 'segue.token.keys'];
/**
 * Beside a request goes on what is nobody's cost: facts are relayed and recorded, clients read once in three seconds, and
 * a key's last use written once a minute.
 */
const ofRequests = /^(token|identity|session)\.(?!page_?of|last_use|find_client)/i;

describe('the cost', () => {
  let stack: Stack;
  let sql: SqlTap;
  let bus: Awaited<ReturnType<typeof tapBus>>;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    const viaDatabase = async (url: string) => {
      sql = await tapSql(url);
      return sql.url;
    };
    stack = await startStack({ oneProcess: false, viaDatabase });
    admin = new Admin(stack);
    partner = await Partner.register(admin);
    await trusting(stack);
    bus = await tapBus(stack);
  }, startMs);
  afterAll(async () => {
    await bus?.close();
    await stack?.stop();
    await sql?.close();
  });

  /** What a piece of work asks on the bus, in order, and its round trips to Postgres. */
  const costOf = async <Result>(work: () => Promise<Result>) => {
    bus.clear();
    sql.clear();
    const result = await work();
    const asks = (await bus.asked()).filter((ask) => !remembered.includes(ask));
    return { result, asks, trips: sql.asked.filter((name) => ofRequests.test(name)) };
  };

  /** The same of what needs nothing looked up anew: the least of five, as facts that are still on their way drop what is remembered. */
  const hotCostOf = async <Result>(work: () => Promise<Result>) => {
    let least = await costOf(work);
    for (let times = 1; times < 5; times++) {
      const cost = await costOf(work);
      if (cost.asks.length + cost.trips.length < least.asks.length + least.trips.length) least = cost;
    }
    return least;
  };

  it('of a sign-in by link is three asks and at most four SQL round trips, for somebody new and for somebody known', async () => {
    for (const userId of ['new', 'new', 'other']) {
      const link = partner.link({ userId, username: 'Ada' });
      const { result, asks, trips } = await costOf(() => new Browser(stack.url).open(link));
      expect(result.status).toBe(303);
      expect(asks).toEqual(['segue.token.verifyLink', 'segue.identity.arrive', 'segue.session.open']);
      expect(trips).toEqual(expect.arrayContaining(['identity.arrive', 'session.open']));
      expect(trips.length).toBeLessThanOrEqual(4);
    }
  });

  describe('with a key the gateway has just asked for', () => {
    let key: string;
    const mint = () => request(`${stack.url}/api/clients/jwt/token`, { headers: { apikey: key } });

    beforeAll(async () => {
      const holder = await KeyHolder.register(admin, { features: { shortLivedToken: true } });
      ({ key } = await holder.newKey(['tokens.issue']));
    });

    it('of a short-lived token is one ask', async () => {
      const { result, asks, trips } = await hotCostOf(mint);
      expect([result.status, asks]).toEqual([200, ['segue.token.sign']]);
      expect(trips.length).toBeLessThanOrEqual(1);
    });

    it('of a program that signs in is two asks at once', async () => {
      const { result, asks, trips } = await hotCostOf(() => signIn(stack.url, key));
      expect([result.status, [...asks].sort()]).toEqual([200, ['segue.session.open', 'segue.token.sign']]);
      expect(trips).toEqual(['session.open']);
    });

    it('of a program that goes on is two asks', async () => {
      let { refresh_token } = (await signIn(stack.url, key)).json();
      const { result, asks, trips } = await hotCostOf(async () => {
        const answer = await refresh(stack.url, refresh_token);
        ({ refresh_token } = answer.json());
        return answer;
      });
      expect([result.status, asks]).toEqual([200, ['segue.session.refresh', 'segue.token.sign']]);
      expect(trips).toEqual(['session.refresh']);
    });
  });

  it('of a custom token is two asks to make it and two to redeem it, at most three SQL round trips each', async () => {
    const project = await Project.register(admin);
    await project.addUser('ada');
    await project.signIn('ada');
    for (const length of [6, 32]) {
      await project.backend('GET', 'users/ada');
      const made = await costOf(() => project.secretOf('ada', { length }));
      expect(made.asks).toEqual(['segue.identity.get', 'segue.token.offer']);
      expect(made.trips.length).toBeLessThanOrEqual(3);

      const redeemed = await costOf(() => project.redeem('ada', made.result));
      expect(redeemed.result.status).toBe(201);
      expect(redeemed.asks).toEqual(['segue.token.claim', 'segue.session.open']);
      expect(redeemed.trips).toContain('session.openFew');
      expect(redeemed.trips.length).toBeLessThanOrEqual(3);
    }
  });

  describe('of protocol 004', () => {
    let member: Member;
    beforeAll(async () => {
      member = await Member.register(admin, partner.clientId);
      await member.accessToken();
    });

    it('is three asks for a password, two of them at once', async () => {
      const { result, asks, trips } = await costOf(() => member.signIn());
      expect(result.status).toBe(200);
      expect(asks[0]).toBe('segue.identity.checkPassword');
      expect(asks.slice(1).sort()).toEqual(['segue.session.open', 'segue.token.sign']);
      expect(trips).toContain('session.open');
      expect(trips.length).toBeLessThanOrEqual(4);
    });

    it('is three asks for a refresh', async () => {
      const { refresh_token } = (await member.signIn()).json();
      const { result, asks, trips } = await costOf(() => member.refresh(refresh_token));
      expect(result.status).toBe(200);
      expect(asks).toEqual(['segue.session.refresh', 'segue.identity.get', 'segue.token.sign']);
      expect(trips).toContain('session.refresh');
      expect(trips.length).toBeLessThanOrEqual(2);
    });

    it('is one ask for a one-time token, two to land with it and three to exchange it', async () => {
      const accessToken = await member.accessToken();
      const offered = await costOf(() => offer(stack.url, accessToken));
      expect(offered.asks).toEqual(['segue.token.offer']);
      expect(offered.trips.length).toBeLessThanOrEqual(1);

      const landed = await costOf(() => request(`${stack.url}/login?t=${offered.result.json().Value}`));
      expect([landed.result.status, landed.result.cookies.length]).toEqual([303, 1]);
      expect(landed.asks).toEqual(['segue.token.claim', 'segue.session.open']);
      expect(landed.trips.length).toBeLessThanOrEqual(2);

      const token = await member.oneTimeToken(accessToken);
      const exchanged = await costOf(() => exchange(stack.url, { token }));
      expect(exchanged.result.status).toBe(200);
      expect(exchanged.asks).toEqual(['segue.token.claim', 'segue.session.open', 'segue.token.sign']);
      expect(exchanged.trips.length).toBeLessThanOrEqual(2);
    });
  });

  it('of introspection is no ask for an access token; one for a refresh token, and for an end', async () => {
    const wallet = await Wallet.fill(stack, 'mine');
    const post = (path: string, token: string) =>
      request(`${stack.url}/oauth2/${path}`, {
        method: 'POST',
        headers: { authorization: `Bearer ${wallet.key.key}`, 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({ token }).toString(),
      });
    const [accessToken, refreshToken] = [await wallet.fresh['access token'](), await wallet.fresh['refresh token']()];
    const asked = async (path: string, token: string) => {
      await post('introspect', accessToken);
      const { result, asks, trips } = await costOf(() => post(path, token));
      expect(result.status).toBe(200);
      return { asks, trips: trips.filter((name) => name.startsWith('session.')) };
    };
    expect(await asked('introspect', accessToken)).toEqual({ asks: [], trips: [] });
    const read = await asked('introspect', refreshToken);
    expect([read.asks, read.trips.length]).toEqual([['segue.session.read'], 1]);
    const closed = await asked('revoke', refreshToken);
    expect(closed.asks).toEqual(['segue.session.close']);
    expect(closed.trips.length).toBeLessThanOrEqual(2);
  });
});
