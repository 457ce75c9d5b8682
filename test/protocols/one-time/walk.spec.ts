import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { Admin } from '../../support/admin.js';
import { findChromium, launchChromium, noChromium, type RealBrowser } from '../../support/chromium.js';
import { Member } from '../../support/member.js';
import { Partner } from '../../support/partner.js';
import { openPartnerSite, type PartnerSite } from '../../support/partner-site.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const executable = findChromium();
if (!executable) process.stderr.write(`\nSKIPPED the walk through a portal of protocol 004: ${noChromium}\n\n`);

/** A portal of another site, as protocol 004 has it: it signs in by script, and its links carry one-time tokens. */
const portal = (gateway: string, { clientId, email, password }: Member) => `<output>waiting</output>
<a>Open the other side</a><script type="module">
const headers = { client_id: 'portal of ${email}', 'x-client-id': '${clientId}' };
const body = new URLSearchParams({ grant_type: 'password', username: '${email}', password: '${password}', totp: '' });
const { access_token: bearer } = await (await fetch('${gateway}/api/token', { method: 'POST', headers, body })).json();
const authorization = 'Bearer ' + bearer;
const answer = await fetch('${gateway}/api/sys/users/token/refresh', {
  method: 'POST',
  headers: { authorization, 'content-type': 'application/json' },
});
const { WasSuccessful, Value } = await answer.json();
const media = await (await fetch('${gateway}/api/auth/media/customer', { headers: { authorization } })).json();
document.querySelector('a').href = '${gateway}/user/login?server=true&t=' + Value + '&redirectUrl=/demo';
document.querySelector('output').textContent = WasSuccessful && media.jwt ? 'ready' : 'failed';
</script>`;

(executable ? describe : describe.skip)('a portal of another site, in a real browser', () => {
  let stack: Stack;
  let admin: Admin;
  let site: PartnerSite;
  let browser: RealBrowser;
  let page: Page;
  let complaints: string[];

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    site = await openPartnerSite();
  }, startMs);
  afterAll(async () => {
    await site?.close();
    await stack?.stop();
  });
  beforeEach(async () => {
    browser = await launchChromium(executable ?? '');
    page = await browser.context.newPage();
    complaints = [];
    page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
    page.on('pageerror', (error) => complaints.push(error.message));
  }, startMs);
  afterEach(async () => {
    await browser?.close();
    expect(complaints.filter((text) => !/favicon|404/.test(text))).toEqual([]);
  });

  const heading = () => page.locator('h1').innerText();
  const memberOf = async (settings: object) => {
    const partner = await Partner.register(admin, { landingUrl: '/demo', origins: [site.origin], ...settings });
    return { partner, member: await Member.register(admin, partner.clientId) };
  };
  const openPortal = async (member: Member) => {
    await page.goto(site.show(`/${member.userId}`, portal(stack.url, member)));
    await page.getByText('ready').waitFor();
    await page.getByRole('link').click();
  };

  it('signs in by script, and takes its user along by a link', async () => {
    const { member } = await memberOf({});
    await openPortal(member);
    expect(page.url()).toBe(`${stack.url}/demo`);
    expect(await page.locator('main').innerText()).toContain(member.userId);
  }, 60_000);

  it('is asked first under landingMode confirm', async () => {
    const { member } = await memberOf({ landingMode: 'confirm' });
    await openPortal(member);
    expect(await heading()).toBe('Sign in');
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.waitForURL(`${stack.url}/demo`);
    expect(await page.locator('main').innerText()).toContain(member.userId);
  }, 60_000);

  it('is asked where somebody else is signed in, and may stay or go on', async () => {
    const { partner, member } = await memberOf({});
    await page.goto(partner.link({ userId: 'ada', username: 'Ada' }));
    await openPortal(member);
    expect(await heading()).toBe('Another account is signed in');
    await page.getByRole('link', { name: 'Stay signed in as Ada' }).click();
    expect(await heading()).toBe('Signed in as Ada');

    await openPortal(member);
    await page.getByRole('button', { name: 'Continue with the other account' }).click();
    await page.waitForURL(`${stack.url}/demo`);
    expect(await page.locator('main').innerText()).toContain(member.userId);
  }, 60_000);
});
