import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { Admin } from '../../support/admin.js';
import { findChromium, launchChromium, noChromium, type RealBrowser } from '../../support/chromium.js';
import { Partner } from '../../support/partner.js';
import { claiming, formOf, openPartnerSite, type PartnerSite } from '../../support/partner-site.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const executable = findChromium();
if (!executable) process.stderr.write(`\nSKIPPED the walk through the pages of API Link: ${noChromium}\n\n`);

(executable ? describe : describe.skip)('somebody with a real browser', () => {
  let stack: Stack;
  let admin: Admin;
  let partner: Partner;
  let site: PartnerSite;
  let browser: RealBrowser;
  let page: Page;
  /** What the browser complained of: a broken policy, a page that does not load. */
  let complaints: string[];

  beforeAll(async () => {
    stack = await startStack();
    admin = new Admin(stack);
    partner = await Partner.register(admin, { landingUrl: '/demo' });
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
    // Without an icon of ours a browser is told so; nothing else may go wrong.
    expect(complaints.filter((text) => !/favicon|404/.test(text))).toEqual([]);
  });

  const heading = () => page.locator('h1').innerText();
  /** Keeps a picture to look at, where somebody asks for it. */
  const picture = async (name: string) => {
    const folder = process.env['SEGUE_SCREENSHOTS'];
    if (folder) await page.screenshot({ path: join(folder, `${name}.png`), fullPage: true });
  };
  /** What every page of ours owes its readers. */
  const expectReadable = async () => {
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.locator('h1').count()).toBe(1);
    expect(await page.title()).toBe(await heading());
    expect(await page.locator('script').count()).toBe(0);
    expect(await page.locator('main').count()).toBe(1);
    const wide = await page.evaluate('document.documentElement.scrollWidth > document.documentElement.clientWidth');
    const targets = await Promise.all((await page.locator('button, a.button').all()).map((each) => each.boundingBox()));
    const small = targets.some((box) => box === null || box.height < 44 || box.width < 44);
    expect([wide, small]).toEqual([false, false]);
  };
  const whereabouts = () => page.url().replace(stack.url, '');

  it('follows a link, reloads, and signs out', async () => {
    await page.goto(partner.link({ userId: 'ada', username: 'Ada', email: 'ada@example.com' }));
    expect([whereabouts(), await heading()]).toEqual(['/demo', 'Signed in as Ada']);
    await picture('signed-in');
    await expectReadable();
    await page.reload();
    expect(await heading()).toBe('Signed in as Ada');
    await page.getByRole('button', { name: 'Sign out' }).click();
    expect(await heading()).toBe('Nobody is signed in');
    await picture('signed-out');
    await expectReadable();
    await page.goBack();
    await page.reload();
    expect(await heading()).toBe('Nobody is signed in');
  }, 30_000);

  it('confirms with the keyboard, and leaves no token behind', async () => {
    const careful = await Partner.register(admin, { landingUrl: '/demo', landingMode: 'confirm' });
    await page.goto(careful.link({ userId: 'bea', username: 'Bea' }));
    await picture('confirm');
    await expectReadable();
    await page.keyboard.press('Tab');
    expect(await page.evaluate('getComputedStyle(document.activeElement).outlineStyle')).toBe('solid');
    await page.keyboard.press('Enter');
    await page.waitForURL('**/demo');
    expect(await heading()).toBe('Signed in as Bea');
  }, 30_000);

  it('is asked before another user takes over', async () => {
    await page.goto(partner.link({ userId: 'carl', username: 'Carl' }));
    await page.goto(partner.link({ userId: 'dora', username: 'Dora' }));
    expect(await heading()).toBe('Another account is signed in');
    await picture('switch-user');
    await expectReadable();
    await page.getByRole('link', { name: 'Stay signed in as Carl' }).click();
    expect(await heading()).toBe('Signed in as Carl');

    await page.goto(partner.link({ userId: 'dora', username: 'Dora' }));
    await page.getByRole('button', { name: 'Continue as Dora' }).click();
    expect([whereabouts(), await heading()]).toEqual(['/demo', 'Signed in as Dora']);
  }, 30_000);

  it('comes by a form of another site, with the cookie it has', async () => {
    const send = async (userId: string, username: string) => {
      const fields = { clientId: partner.clientId, userToken: partner.token({ userId, username }) };
      await page.goto(site.show('/form', formOf(`${stack.url}/api/link`, fields)));
      await page.getByRole('button', { name: 'Go' }).click();
      await page.locator('h1').waitFor();
      expect(page.url()).not.toContain(fields.userToken);
    };
    await send('emil', 'Emil');
    expect([whereabouts(), await heading()]).toEqual(['/demo', 'Signed in as Emil']);
    await send('emil', 'Emil');
    expect(await heading()).toBe('Signed in as Emil');
    await send('fay', 'Fay');
    expect(await heading()).toBe('Another account is signed in');
    await page.getByRole('button', { name: 'Continue as Fay' }).click();
    expect([whereabouts(), await heading()]).toEqual(['/demo', 'Signed in as Fay']);
  }, 30_000);

  it('learns that a link is refused, and what to mention', async () => {
    await page.goto(partner.linkWith('nonsense'));
    expect(await heading()).toBe('You could not be signed in');
    const support = new URL(page.url()).searchParams.get('support')!;
    expect(await page.locator('main').innerText()).toContain(support);
    await picture('refused');
    await expectReadable();
    await page.goto(`${stack.url}/nowhere`);
    await picture('error');
    await expectReadable();
  }, 30_000);

  it('lands on the partner’s own site, which claims a session', async () => {
    const landingUrl = site.show('/app', claiming(stack.url));
    const afar = await Partner.register(admin, { landingUrl });
    await page.goto(afar.link({ userId: 'gil', username: 'Gil' }));
    await page.getByText('signed in as Gil').waitFor();

    // The form of the question leads there, too.
    const careful = await Partner.register(admin, { landingUrl, landingMode: 'confirm' });
    await page.goto(careful.link({ userId: 'hal', username: 'Hal' }));
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByText('signed in as Hal').waitFor();
  }, 30_000);

  it('is signed in inside a page that may embed it, and nowhere else', async () => {
    const embedded = await Partner.register(admin, { landingUrl: '/demo', embedOrigins: [site.origin] });
    const link = embedded.link({ userId: 'ida', username: 'Ida' });
    await page.goto(
      site.show('/embed', `<iframe width="600" height="500" src="${link.replaceAll('&', '&amp;')}"></iframe>`),
    );
    const frame = page.frameLocator('iframe');
    await frame.getByRole('heading', { name: 'Signed in as Ida' }).waitFor();
    await picture('embedded');
    // What is signed in there is signed in nowhere else.
    await page.goto(`${stack.url}/demo`);
    expect(await heading()).toBe('Nobody is signed in');

    const lone = partner.link({ userId: 'jo', username: 'Jo' });
    await page.goto(site.show('/alone', `<iframe src="${lone.replaceAll('&', '&amp;')}"></iframe>`));
    await page.goto(lone);
    expect(await heading()).toBe('Signed in as Jo');
  }, 30_000);

  describe('on a phone', () => {
    beforeEach(async () => {
      await browser.close();
      browser = await launchChromium(executable ?? '', true);
      page = await browser.context.newPage();
    }, startMs);

    it('reads every page without turning it', async () => {
      const long = {
        username: 'Maximiliane-Wilhelmine von und zu Hohenlohe-Langenburg',
        email: `${'x'.repeat(60)}@example.com`,
      };
      await page.goto(partner.link({ userId: 'one', ...long }));
      await picture('phone-signed-in');
      await expectReadable();
      await page.goto(partner.link({ userId: 'two', username: 'W'.repeat(128) }));
      await picture('phone-switch-user');
      await expectReadable();
      const careful = await Partner.register(admin, { landingMode: 'confirm' });
      await page.goto(careful.link());
      await picture('phone-confirm');
      await expectReadable();
      await page.goto(partner.linkWith('nonsense'));
      await picture('phone-refused');
      await expectReadable();
    }, 30_000);
  });
});
