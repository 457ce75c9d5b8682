import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { Admin } from '../../support/admin.js';
import { findChromium, launchChromium, noChromium, type RealBrowser } from '../../support/chromium.js';
import { openPartnerSite, type PartnerSite } from '../../support/partner-site.js';
import { Project } from '../../support/project.js';
import { type Stack, startMs, startStack } from '../../support/stack.js';

const executable = findChromium();
if (!executable) process.stderr.write(`\nSKIPPED the web SDK of protocol 003: ${noChromium}\n\n`);

const require = createRequire(import.meta.url);
/** The SDK as a page loads it from a content network. */
const sdk = readFileSync(join(dirname(require.resolve('appwrite')), '../iife/sdk.js'), 'utf8');

(executable ? describe : describe.skip)('appwrite, as it is published, in a real browser', () => {
  let stack: Stack;
  let project: Project;
  let site: PartnerSite;
  let browser: RealBrowser;
  let page: Page;

  beforeAll(async () => {
    stack = await startStack();
    site = await openPartnerSite();
    const near = site.origin.replace('localhost', '127.0.0.1');
    project = await Project.register(new Admin(stack), { origins: [site.origin, near] });
    const names = { endpoint: `${stack.url}/v1`, project: project.clientId };
    site.show(
      '/app',
      `<script>${sdk}</script><script>
        const { endpoint, project } = ${JSON.stringify(names)};
        const account = new Appwrite.Account(new Appwrite.Client().setEndpoint(endpoint).setProject(project));
        const told = ({ code, type }) => ({ code, type });
      </script>`,
    );
    await project.addUser('ada', { name: 'Ada' });
  }, startMs);
  afterAll(async () => {
    await site?.close();
    await stack?.stop();
  });
  beforeEach(async () => {
    browser = await launchChromium(executable ?? '');
    page = await browser.context.newPage();
  }, startMs);
  afterEach(() => browser?.close());

  /** What a script of the page comes to. */
  const run = (script: string) => page.evaluate(`(async () => ${script})()`);
  const signIn = async () =>
    run(`account.createSession(${JSON.stringify({ userId: 'ada', secret: await project.secretOf('ada') })})`);
  const kept = () => page.evaluate(`localStorage.getItem('cookieFallback')`);

  it.each([
    ['of another site keeps the session itself, where the browser does not', 'localhost', true],
    ['of the same site has its session in a cookie no script can read', '127.0.0.1', false],
  ])(
    'a page %s',
    async (_, host, isForeign) => {
      await page.goto(`${site.origin.replace('localhost', host)}/app`);
      expect(await run('account.get().catch(told)')).toEqual({ code: 401, type: 'general_unauthorized_scope' });

      expect(await signIn()).toMatchObject({ userId: 'ada', provider: 'token', current: true, secret: '' });
      expect(await run('account.get()')).toMatchObject({ $id: 'ada', name: 'Ada' });
      expect(await page.evaluate('document.cookie')).toBe('');
      expect((await kept()) !== null).toBe(isForeign);
      const cookies = (await browser.context.cookies(stack.url)).map(({ name, httpOnly }) => [name, httpOnly]);
      const names = [`a_session_${project.clientId}`, `a_session_${project.clientId}_legacy`];
      expect(cookies).toEqual(isForeign ? [] : names.map((name) => [name, true]));

      await page.reload();
      expect(await run('account.getSession({ sessionId: "current" })')).toMatchObject({ current: true });
      const { jwt } = (await run('account.createJWT()')) as { jwt: string };
      expect(jwt.split('.')).toHaveLength(3);

      await run('account.deleteSession({ sessionId: "current" })');
      expect(await run('account.get().catch(told)')).toEqual({ code: 401, type: 'general_unauthorized_scope' });
      expect(await browser.context.cookies(stack.url)).toEqual([]);
      expect(await kept()).toBe(isForeign ? '{}' : null);
    },
    30_000,
  );

  it('reads a refusal by its type', async () => {
    await page.goto(`${site.origin}/app`);
    const wrong = { userId: 'ada', secret: 'f'.repeat(32) };
    const refused = await run(`account.createSession(${JSON.stringify(wrong)}).catch(told)`);
    expect(refused).toEqual({ code: 401, type: 'user_invalid_token' });
    expect(await run('account.listIdentities().catch(told)')).toEqual({ code: 404, type: 'general_route_not_found' });
  }, 30_000);

  it('gets no answer from a page the project does not list', async () => {
    const stranger = await openPartnerSite();
    try {
      const shown = `<script>${sdk}</script>`;
      await page.goto(stranger.show('/app', shown));
      const asked = `new Appwrite.Account(new Appwrite.Client().setEndpoint('${stack.url}/v1').setProject('${project.clientId}'))`;
      const secret = await project.secretOf('ada');
      const body = JSON.stringify({ userId: 'ada', secret });
      expect(await run(`${asked}.createSession(${body}).catch(({ name }) => name)`)).toBe('TypeError');
      // and nothing was consumed
      expect((await project.redeem('ada', secret)).status).toBe(201);
    } finally {
      await stranger.close();
    }
  }, 30_000);
});
