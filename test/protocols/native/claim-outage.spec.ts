import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const portal = 'https://portal.example.com';
type Part = Parameters<Stack['signal']>[0];

describe('the code of a landing, while a part is down', () => {
  let stack: Stack;
  let partner: Partner;
  const paused = new Set<Part>();

  beforeAll(async () => {
    stack = await startStack({ oneProcess: false });
    partner = await Partner.register(new Admin(stack), { landingUrl: `${portal}/start` });
  }, startMs);
  afterAll(() => stack?.stop());
  afterEach(() => resume());

  const pause = (part: Part) => {
    stack.signal(part, 'SIGSTOP');
    paused.add(part);
  };
  const resume = () => {
    for (const part of paused) stack.signal(part, 'SIGCONT');
    paused.clear();
  };
  const land = async () => {
    const browser = new Browser(stack.url);
    const link = partner.link({ userId: `u-${crypto.randomUUID()}` });
    const answer = await browser.open(link);
    return { browser, link, answer, code: new URL(answer.headers['location'] ?? stack.url).searchParams.get('code') };
  };
  const claim = (code: string | null) =>
    request(`${stack.url}/v1/session/claim`, { method: 'POST', body: { code }, headers: { origin: portal } });

  it.each(['session', 'identity'] as const)(
    'is lost where %s falls silent, and says so',
    async (part) => {
      const { code } = await land();
      pause(part);
      const answer = await claim(code);
      expect([answer.status, answer.headers['segue-outcome'], answer.json().outcome]).toEqual([
        503,
        'unknown',
        'unknown',
      ]);
      expect(answer.headers).toHaveProperty('retry-after');
      expect(answer.text).not.toContain('segue_rt_');
      resume();
      expect((await claim(code)).status).toBe(401);
    },
    15_000,
  );

  it('waits while Redis is away: nobody guesses meanwhile, and nothing is consumed', async () => {
    const { code } = await land();
    pause('Redis');
    const answer = await claim(code);
    expect([answer.status, answer.headers['segue-outcome']]).toEqual([503, 'not_executed']);
    resume();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect((await claim(code)).status).toBe(200);
  }, 15_000);

  it('is offered on a reload, where Redis was away when the link was opened', async () => {
    pause('Redis');
    const { browser, link, answer } = await land();
    expect(answer.status).toBe(503);
    expect(answer.cookies).toHaveLength(1);
    resume();
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    const again = await browser.open(link);
    const code = new URL(again.headers['location']!).searchParams.get('code');
    expect((await claim(code)).status).toBe(200);
  }, 15_000);
});
