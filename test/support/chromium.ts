import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

const wellKnown = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
];

/** Where a Chromium is: `SEGUE_CHROMIUM`, or where distributions put it. */
export function findChromium(): string | undefined {
  const named = process.env['SEGUE_CHROMIUM'];
  return named ? named : wellKnown.find((path) => existsSync(path));
}

/** Told where the specs of real browsers are skipped. */
export const noChromium =
  'no Chromium here: install one (Debian: apt-get install chromium) or name it in SEGUE_CHROMIUM';

export interface RealBrowser {
  readonly context: BrowserContext;
  close(): Promise<void>;
}

/** A browser nobody has used before. */
export async function launchChromium(executablePath: string, phone = false): Promise<RealBrowser> {
  const profile = mkdtempSync(join(tmpdir(), 'segue-chromium-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath,
    headless: true,
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
    ...(phone && { viewport: { width: 360, height: 640 }, deviceScaleFactor: 2, isMobile: true, hasTouch: true }),
  });
  return {
    context,
    close: async () => {
      await context.close();
      rmSync(profile, { recursive: true, force: true });
    },
  };
}
