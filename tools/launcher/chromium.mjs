import { existsSync } from 'node:fs';
import { execute } from './command.mjs';

const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/**
 * Brings Debian's Chromium for the specs that walk through real pages: it cannot be unpacked aside like Redis, so only
 * root on Debian or Ubuntu gets it. Elsewhere those specs are skipped and say why.
 * @returns {Promise<string>} what became of it
 */
export async function bringChromium() {
  if (process.env.SEGUE_CHROMIUM || places.some(existsSync)) return 'found';
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get'))
    return 'none: the specs of real browsers are skipped';
  try {
    await installed();
  } catch {
    try {
      await apt('update');
      await installed();
    } catch {
      return 'none could be installed: the specs of real browsers are skipped';
    }
  }
  return 'installed';
}

const installed = () => apt('install', '--yes', '--no-install-recommends', 'chromium');
const apt = (...args) =>
  execute('apt-get', ['-qq', ...args], { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } });
