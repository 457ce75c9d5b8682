import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LinkRefusal, linkRefusals } from '#contracts/refusal';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { request } from '../../support/http.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const now = () => Math.floor(Date.now() / 1000);
const hs256 = { alg: 'HS256', typ: 'JWT' };

/** What can be wrong with a token itself, by the reason the audit trail gives. */
const wrong: readonly (readonly [reason: LinkRefusal, what: string, token: (partner: Partner) => string])[] = [
  ['malformed', 'nothing at all', () => ''],
  ['malformed', 'no JWT', () => 'hello'],
  ['malformed', 'two segments', (it) => it.token().split('.').slice(0, 2).join('.')],
  ['malformed', 'four segments', (it) => `${it.token()}.x`],
  ['malformed', 'padding', (it) => `${it.token()}=`],
  ['malformed', 'a space', (it) => ` ${it.token()}`],
  ['malformed', 'no JSON inside', (it) => it.token('not json')],
  ['malformed', 'a member twice', (it) => it.token(`{"userId":"a","userId":"b","iat":${now()}}`)],
  ['malformed', 'no signature', (it) => it.token({}, { header: { alg: 'none' } }).replace(/[^.]+$/, '')],
  ['algorithm', 'alg none', (it) => it.token({}, { header: { alg: 'none' } })],
  ['algorithm', 'HS512', (it) => it.token({}, { header: { alg: 'HS512', typ: 'JWT' } })],
  ['algorithm', 'RS256', (it) => it.token({}, { header: { alg: 'RS256', typ: 'JWT' } })],
  ['algorithm', 'no alg', (it) => it.token({}, { header: { typ: 'JWT' } })],
  ['header', 'a crit member', (it) => it.token({}, { header: { ...hs256, crit: ['exp'] } })],
  ['header', 'a key of its own', (it) => it.token({}, { header: { ...hs256, jwk: { kty: 'oct', k: 'AA' } } })],
  ['header', 'an address of keys', (it) => it.token({}, { header: { ...hs256, jku: 'http://127.0.0.1:9/keys' } })],
  ['unknown_key', 'a kid nobody knows', (it) => it.token({}, { header: { ...hs256, kid: '../../etc/passwd' } })],
  ['signature', 'another secret', (it) => it.token({}, { secret: 'another secret, long enough to be one' })],
  ['signature', 'a changed claim', (it) => changed(it.token())],
  ['claims', 'no userId', (it) => it.token({ userId: undefined })],
  ['claims', 'an empty userId', (it) => it.token({ userId: '' })],
  ['claims', 'a number as userId', (it) => it.token({ userId: 7 })],
  ['claims', 'a userId of 129 characters', (it) => it.token({ userId: 'x'.repeat(129) })],
  ['claims', 'a control character', (it) => it.token({ userId: 'a\u0000b' })],
  ['claims', 'half a character', (it) => it.token({ userId: '\ud800' })],
  ['claims', 'an e-mail that is none', (it) => it.token({ email: 'nobody' })],
  ['claims', 'an e-mail of the reserved domain', (it) => it.token({ email: 'x@placeholder.invalid' })],
  ['claims', 'a locale that is none', (it) => it.token({ locale: '???' })],
  ['claims', 'exp as text', (it) => it.token({ exp: String(now() + 60) })],
  ['expired', 'its end in the past', (it) => it.token({ iat: now() - 7200, exp: now() - 3600 })],
  ['expired', 'no exp and an old iat', (it) => it.token({ iat: now() - 3700, exp: undefined })],
  ['not_yet_valid', 'iat in the future', (it) => it.token({ iat: now() + 300, exp: now() + 600 })],
  ['not_yet_valid', 'nbf in the future', (it) => it.token({ nbf: now() + 300 })],
  ['no_expiry', 'neither exp nor iat', (it) => it.token({ iat: undefined, exp: undefined })],
  ['lifetime', 'more than an hour to live', (it) => it.token({ exp: now() + 7300 })],
];

function changed(token: string): string {
  const [header, , signature] = token.split('.');
  const body = Buffer.from(JSON.stringify({ userId: 'root', iat: now(), exp: now() + 60 })).toString('base64url');
  return `${header}.${body}.${signature}`;
}

describe('a link that is refused', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  const refusedAs = async (link: string) => {
    const answer = await request(link);
    expect([answer.status, answer.cookies]).toEqual([401, []]);
    return { ...answer.json(), headers: answer.headers } as { code: string; message: string; support: string };
  };
  const entryOf = async (support: string) => (await admin.audit({ support }))[0];

  it.each(wrong)('as %s: %s', async (reason, _what, tokenOf) => {
    const { code, message, support } = await refusedAs(partner.linkWith(tokenOf(partner)));
    expect([code, message]).toEqual(['invalid_token', 'The link is not valid.']);
    expect(await entryOf(support)).toMatchObject({
      type: 'link.refused',
      clientId: partner.clientId,
      support,
      reason,
      advice: linkRefusals[reason],
    });
  });

  it('as unknown_client: under no client, without the text somebody sent', async () => {
    const { code, support } = await refusedAs(`${stack.url}/api/link?userToken=${partner.token()}&clientId=sneaky00`);
    expect(code).toBe('invalid_token');
    const entry = await entryOf(support);
    expect(entry).toMatchObject({ clientId: '_', reason: 'unknown_client', advice: linkRefusals.unknown_client });
    expect(JSON.stringify(entry)).not.toContain('sneaky');
  });

  it('as signature: by the secret of another client', async () => {
    const other = await Partner.register(admin);
    const { support } = await refusedAs(partner.linkWith(other.token()));
    expect(await entryOf(support)).toMatchObject({ reason: 'signature', clientId: partner.clientId });
  });

  it('as secret_rotated: by a secret that was replaced at once', async () => {
    const rotated = await Partner.register(admin);
    const { secret } = await admin.post(`clients/${rotated.clientId}/link-secrets`, { overlapSeconds: 0 });
    const { support } = await refusedAs(rotated.link());
    expect(await entryOf(support)).toMatchObject({ reason: 'secret_rotated', advice: linkRefusals.secret_rotated });
    const renewed = new Partner(rotated.clientId, secret, stack.url);
    expect((await request(renewed.link())).status).toBe(303);
  });

  it('as no_secret or secret_rotated: once every secret is deleted', async () => {
    const bare = await Partner.register(admin);
    const { items } = await admin.get(`clients/${bare.clientId}/link-secrets`);
    await admin.delete(`clients/${bare.clientId}/link-secrets/${items[0].secretId}`);
    const { support } = await refusedAs(bare.link());
    expect(['no_secret', 'secret_rotated']).toContain((await entryOf(support)).reason);
  });

  it('as suspended: by a suspended client, and only to who holds its secret', async () => {
    const suspended = await Partner.register(admin);
    await admin.patch(`clients/${suspended.clientId}`, { status: 'suspended' });
    const { code, message, support } = await refusedAs(suspended.link());
    expect([code, message]).toEqual(['account_suspended', 'The account is suspended.']);
    expect(await entryOf(support)).toMatchObject({ reason: 'suspended', advice: linkRefusals.suspended });
    const forged = await refusedAs(suspended.linkWith(suspended.token({}, { secret: 'x'.repeat(43) })));
    expect(forged.code).toBe('invalid_token');
  });

  it('looks the same from outside whatever is wrong', async () => {
    const shapes = await Promise.all(
      wrong
        .map(([, , tokenOf]) => partner.linkWith(tokenOf(partner)))
        .concat(`${stack.url}/api/link?userToken=${partner.token()}&clientId=nobody00`)
        .map(async (link) => {
          const { headers, text } = await request(link);
          const { date: _, traceparent: __, ratelimit: ___, ...steady } = headers;
          return JSON.stringify([steady, text.replace(/"support":"[0-9a-z]{10}"/, '"support":""')]);
        }),
    );
    expect(new Set(shapes).size).toBe(1);
  });

  it('echoes nothing of what was sent', async () => {
    const nasty = '"><script>alert(1)</script>';
    const answer = await request(`${stack.url}/api/link?${new URLSearchParams({ userToken: nasty, clientId: nasty })}`);
    expect(JSON.stringify([answer.headers, answer.text])).not.toContain('script>');
  });

  describe('takes a browser', () => {
    const opened = (link: string) => new Browser(stack.url).open(link);

    it('to our sign-in page, which says so in plain words', async () => {
      const answer = await opened(partner.linkWith('nonsense'));
      expect([answer.status, answer.cookies]).toEqual([303, []]);
      const page = await new Browser(stack.url).open(answer.headers['location']!);
      expect([page.status, page.headers['content-type']]).toEqual([200, 'text/html; charset=utf-8']);
      const support = new URL(answer.headers['location']!, stack.url).searchParams.get('support')!;
      expect(page.text).toContain(support);
      expect(page.text).toMatch(/not valid/);
      expect((await entryOf(support)).reason).toBe('malformed');
    });

    it('to the client’s own login page, whatever stands in its address already', async () => {
      const own = await Partner.register(admin, { loginUrl: 'https://app.example.com/in?from=segue' });
      const location = new URL((await opened(own.linkWith('nonsense'))).headers['location']!);
      expect(location.origin + location.pathname).toBe('https://app.example.com/in');
      expect(Object.fromEntries(location.searchParams)).toEqual({
        from: 'segue',
        error: 'invalid_token',
        support: expect.stringMatching(/^[0-9a-z]{10}$/),
      });
    });

    it('with account_suspended where it is that', async () => {
      const suspended = await Partner.register(admin);
      await admin.patch(`clients/${suspended.clientId}`, { status: 'suspended' });
      expect((await opened(suspended.link())).headers['location']).toMatch(
        /^\/login\?error=account_suspended&support=/,
      );
    });

    it('to our page where the client is unknown', async () => {
      for (const clientId of ['nobody00', '', 'UPPER', '../x', 'x'.repeat(128)]) {
        const link = `${stack.url}/api/link?${new URLSearchParams({ userToken: partner.token(), clientId })}`;
        const answer = await opened(link);
        expect([answer.status, answer.headers['location']]).toEqual([
          303,
          expect.stringMatching(/^\/login\?error=invalid_token/),
        ]);
      }
    });

    it('nowhere without a token either', async () => {
      expect((await opened(`${stack.url}/api/link`)).headers['location']).toMatch(/^\/login\?error=invalid_token/);
    });
  });
});
