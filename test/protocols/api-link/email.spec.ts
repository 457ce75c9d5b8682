import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Admin } from '../../support/admin.js';
import { Browser } from '../../support/browser.js';
import { Partner } from '../../support/partner.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

describe('the e-mail of a link', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin);
  }, startMs);
  afterAll(() => stack?.stop());

  const whoIs = async (visitor: Browser) =>
    (await visitor.open('/v1/session', { headers: { accept: '*/*' } })).json().user;
  let second = Math.floor(Date.now() / 1000) - 600;
  /** Signs in by a link that is a second newer than the one before. */
  const signIn = async (claims: object, by = partner) => {
    const browser = new Browser(stack.url);
    second++;
    const answer = await browser.open(by.link({ iat: second, exp: second + 900, ...claims }));
    return { location: answer.headers['location']!, user: answer.cookies.length ? await whoIs(browser) : null };
  };

  it('stays with whoever has it, and the other one signs in without', async () => {
    const first = await signIn({ userId: 'owner', email: 'shared@example.com' });
    const other = await signIn({ userId: 'wisher', email: 'Shared@EXAMPLE.com' });
    expect(other.location).toBe('/home');
    expect(other.user).toMatchObject({ externalId: 'wisher', emailIsPlaceholder: true });
    expect((await admin.get(`clients/${partner.clientId}/users/${first.user.userId}`)).email).toBe(
      'shared@example.com',
    );
    const [contested] = await admin.audit({
      clientId: partner.clientId,
      type: 'user.email_contested',
      userId: other.user.userId,
    });
    expect(JSON.stringify(contested)).not.toMatch(/shared/i);
  });

  it('refuses the link where the client wants that, and changes nothing', async () => {
    const strict = await Partner.register(admin, { emailConflict: 'reject' });
    const first = await signIn({ userId: 'owner', email: 'one@example.com' }, strict);
    await signIn({ userId: 'known', username: 'Before' }, strict);
    for (const userId of ['known', 'unknown']) {
      const refused = await signIn({ userId, email: 'one@example.com', username: 'After' }, strict);
      expect(refused.location).toMatch(/^\/login\?error=invalid_token&support=/);
      const support = new URL(refused.location, stack.url).searchParams.get('support')!;
      expect((await admin.audit({ support }))[0]).toMatchObject({ type: 'link.refused', reason: 'email_conflict' });
    }
    const { items } = await admin.get(`clients/${strict.clientId}/users`);
    expect(items.map(({ externalId, username }: Record<string, string>) => [externalId, username]).sort()).toEqual([
      ['known', 'Before'],
      ['owner', 'anonymous'],
    ]);
    expect((await signIn({ userId: 'owner', email: 'one@example.com' }, strict)).user.userId).toBe(first.user.userId);
  });

  it('changes with a newer link, and frees the address it was', async () => {
    await signIn({ userId: 'mover', email: 'old@example.com' });
    expect((await signIn({ userId: 'mover', email: 'new@example.com' })).user).toMatchObject({
      email: 'new@example.com',
      emailIsPlaceholder: false,
    });
    expect((await signIn({ userId: 'heir', email: 'old@example.com' })).user.email).toBe('old@example.com');
  });

  it('is kept by a link without one, and never given up for null', async () => {
    await signIn({ userId: 'kept', email: 'kept@example.com' });
    expect((await signIn({ userId: 'kept' })).user.email).toBe('kept@example.com');
    expect((await signIn({ userId: 'kept', email: null })).user.email).toBe('kept@example.com');
  });
});
