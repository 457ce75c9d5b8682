import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Answer, request, type Sent } from '../support/http.js';
import { type Stack, startMs, startStack } from '../support/stack.js';
import { Wallet } from '../support/wallet.js';

/** How often each is asked, in turns, so that whatever else this machine does falls on all of them alike. */
const times = 200;
/** What a median may differ from another, in milliseconds: a query or an argon2id more would show. */
const most = 1;

describe('how long a refusal takes, and what it looks like (S-19)', () => {
  let stack: Stack;
  let wallet: Wallet;

  beforeAll(async () => {
    stack = await startStack({ env: { LIMITS: 'introspection=1000000/1m,link=1000000/1m,refresh=1000000/1m' } });
    wallet = await Wallet.fill(stack, 'mine');
  }, startMs);
  afterAll(() => stack?.stop());

  const median = (samples: number[]) => samples.sort((a, b) => a - b)[Math.floor(samples.length / 2)] ?? Number.NaN;
  /** All that could tell one from another but for what names this very request. */
  const looks = ({ status, headers, text }: Answer) => {
    const { traceparent, date, ratelimit, 'content-length': _length, ...others } = headers;
    return { status, others, text: text.replace(/"(traceId|support)":"\w+"/, '') };
  };

  /** Asks for all in turns. Under load a median may differ by as much as half of what everything takes. */
  async function expectAlike(path: string, cases: Readonly<Record<string, () => Sent>>): Promise<void> {
    const seen = Object.keys(cases).map((name) => ({ name, samples: [] as number[], answer: {} as Answer }));
    for (let round = 0; round < times + 20; round++)
      for (const each of seen) {
        const sent = cases[each.name]?.() ?? {};
        const began = performance.now();
        each.answer = await request(`${stack.url}${path}`, sent);
        if (round >= 20) each.samples.push(performance.now() - began);
      }
    const [first] = seen;
    for (const { name, answer } of seen) expect({ name, ...looks(answer) }).toEqual({ name, ...looks(first!.answer) });
    const medians = seen.map(({ samples }) => median(samples));
    const [least, greatest] = [Math.min(...medians), Math.max(...medians)];
    const told = seen.map(({ name }, index) => `${name}: ${medians[index]?.toFixed(3)} ms`).join(', ');
    expect({ told, isAlike: greatest - least < Math.max(most, least / 2) }).toEqual({ told, isAlike: true });
  }

  const changed = (text: string, at: number) => text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1);

  it('is the same for every access token that is none', async () => {
    const accessToken = await wallet.fresh['access token']();
    const sdk = await wallet.fresh['SDK token']();
    const [header = '', claims = '', signature = ''] = accessToken.split('.');
    const unknownKey = { ...JSON.parse(Buffer.from(header, 'base64url').toString()), kid: 'nobody' };
    const cases = {
      'a wrong signature': `${header}.${claims}.${changed(signature, 10)}`,
      'a key nobody knows': `${Buffer.from(JSON.stringify(unknownKey)).toString('base64url')}.${claims}.${signature}`,
      'another kind': sdk,
      'no token': 'x'.repeat(accessToken.length),
    };
    await expectAlike(
      '/v1/verify',
      Object.fromEntries(
        Object.entries(cases).map(([name, text]) => [name, () => ({ headers: { authorization: `Bearer ${text}` } })]),
      ),
    );
  }, 60_000);

  it('is the same for every refresh token that is none', async () => {
    const refreshToken = await wallet.fresh['refresh token']();
    const other = await wallet.fresh['refresh token']();
    const session = refreshToken.lastIndexOf('_') - 10;
    const cases = {
      'a wrong MAC': changed(refreshToken, refreshToken.length - 5),
      'another session': changed(refreshToken, session),
      'the MAC of another': refreshToken.slice(0, -43) + other.slice(-43),
    };
    await expectAlike(
      '/v1/session/refresh',
      Object.fromEntries(
        Object.entries(cases).map(([name, text]) => [name, () => ({ method: 'POST', body: { refreshToken: text } })]),
      ),
    );
  }, 60_000);

  it('is the same for every link that is none', async () => {
    const { partner } = wallet;
    const someone = () => ({ userId: `u-${randomUUID()}` });
    const query = (userToken: string, clientId = partner.clientId) => new URLSearchParams({ userToken, clientId });
    const cases = {
      'a wrong signature': () => query(partner.token(someone(), { secret: 'x'.repeat(43) })),
      'an expired one': () => query(partner.token({ ...someone(), iat: 1_700_000_000, exp: 1_700_000_100 })),
      'a client nobody knows': () => query(partner.token(someone()), 'nobody0123456789'),
    };
    await expectAlike(
      '/api/link',
      Object.fromEntries(
        Object.entries(cases).map(([name, make]) => [
          name,
          () => ({
            method: 'POST',
            headers: { 'content-type': 'application/x-www-form-urlencoded', 'sec-fetch-site': 'same-origin' },
            body: make().toString(),
          }),
        ]),
      ),
    );
  }, 60_000);
});
