import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../support/admin.js';
import { type Answer, request } from '../support/http.js';
import { Member } from '../support/member.js';
import { Partner } from '../support/partner.js';
import { type Stack, startMs, startStack } from '../support/stack.js';

/** R-26, in milliseconds. */
const boundMs = 5_000;
const page = 'https://shop.example.com';
const otherPage = 'https://other.example.com';

/** A use of something that is remembered. */
interface Use {
  ask(gateway: string): Promise<Answer>;
  /** Whether an answer goes by what was so before `change`. */
  old(answer: Answer): boolean;
  change(): Promise<unknown>;
}

/**
 * What the gateway and the token service remember only ever ends sooner. Here stands what has no spec of its own:
 * API keys are in `protocols/client-token/keys.spec.ts`, hosts in `protocols/edge/hosts.spec.ts`, verified tokens and the
 * revocations in `revocation.spec.ts`, and a cut feed in `faults/feed.spec.ts`.
 */
describe('what is remembered', () => {
  let stack: Stack;
  let admin: Admin;
  let gateways: string[];

  beforeAll(async () => {
    const limits = ['link', 'password', 'refresh', 'client-token', 'admin'].map((name) => `${name}=100000/1m`);
    stack = await startStack({ oneProcess: false, env: { LIMITS: limits.join(',') } });
    admin = new Admin(stack);
    // The replica that makes a change forgets by itself; another has to hear of it, or to doubt what it remembers.
    const [other] = await Promise.all([stack.addGateway(), stack.addReplica('token')]);
    gateways = [stack.url, other];
  }, startMs);
  afterAll(() => stack?.stop());

  const follow = (link: string, gateway: string) => {
    const { pathname, search } = new URL(link);
    return request(`${gateway}${pathname}${search}`);
  };
  const setting = (clientId: string, settings: object) => admin.patch(`clients/${clientId}`, { settings });
  const preflight = (gateway: string) =>
    request(`${gateway}/v1/session/claim`, {
      method: 'OPTIONS',
      headers: { origin: page, 'access-control-request-method': 'POST' },
    });

  const uses: Record<string, () => Promise<Use>> = {
    'a link secret that is deleted signs in nobody': async () => {
      const partner = await Partner.register(admin);
      const secrets = `clients/${partner.clientId}/link-secrets`;
      const { items } = await admin.get(secrets);
      await admin.post(secrets, { overlapSeconds: 3600 });
      return {
        ask: (gateway) => follow(partner.link(), gateway),
        old: ({ status }) => status === 303,
        change: () => admin.delete(`${secrets}/${items[0].secretId}`),
      };
    },
    'a link secret that is rotated signs in nobody': async () => {
      const partner = await Partner.register(admin);
      return {
        ask: (gateway) => follow(partner.link(), gateway),
        old: ({ status }) => status === 303,
        change: () => admin.post(`clients/${partner.clientId}/link-secrets`, { overlapSeconds: 0 }),
      };
    },
    'a link older than its client now allows is refused': async () => {
      const partner = await Partner.register(admin);
      const iat = Math.floor(Date.now() / 1000) - 300;
      return {
        ask: (gateway) => follow(partner.link({ iat, exp: undefined }), gateway),
        old: ({ status }) => status === 303,
        change: () => setting(partner.clientId, { linkMaxAgeSeconds: 60 }),
      };
    },
    'a client that is suspended signs in nobody': async () => {
      const partner = await Partner.register(admin);
      return {
        ask: (gateway) => follow(partner.link(), gateway),
        old: ({ status }) => status === 303,
        change: () => admin.patch(`clients/${partner.clientId}`, { status: 'suspended' }),
      };
    },
    'an origin that no client lists any more has no pages that may call': async () => {
      const { clientId } = await Partner.register(admin, { origins: [page] });
      return {
        ask: preflight,
        old: ({ headers }) => headers['access-control-allow-origin'] === page,
        change: () => setting(clientId, { origins: [] }),
      };
    },
    'a page that its client lists no more is refused': async () => {
      const { clientId } = await Partner.register(admin, { origins: [otherPage] });
      const member = await Member.register(admin, clientId);
      return {
        ask: (gateway) => member.signIn({}, { origin: otherPage }, gateway),
        old: ({ status }) => status === 200,
        change: () => setting(clientId, { origins: [] }),
      };
    },
  };

  it.each(Object.entries(uses))(
    '%s, at every gateway within five seconds, however often it is asked',
    async (_name, make) => {
      const { ask, old, change } = await make();
      const everywhere = () => Promise.all([...gateways, ...gateways].map(ask));
      expect((await everywhere()).map(old)).toEqual([true, true, true, true]);
      await change();
      const began = performance.now();
      // Asked all the time: nothing is forgotten for want of use.
      while (performance.now() - began < boundMs) {
        if (!(await everywhere()).some(old)) break;
        await sleep(20);
      }
      for (let more = 0; more < 5; more++) expect((await everywhere()).some(old)).toBe(false);
      expect(performance.now() - began).toBeLessThan(boundMs + 1_000);
    },
  );
});
