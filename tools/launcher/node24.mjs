import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { npm } from './npm.mjs';
import { whenParentEnds } from './parent.mjs';
import { inDev } from './paths.mjs';
import { Refusal } from './refusal.mjs';
import { step } from './steps.mjs';

const VERSION = '24.21.0';

/**
 * Resolves at once under Node 24.9 or newer. Under an older one it brings Node 24 into `.dev/`, runs this same script
 * with it, and ends this process as that one ended.
 */
export async function underNode24() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > 24 || (major === 24 && minor >= 9)) return;
  const bin = inDev(`node-${VERSION}`, 'node_modules', '.bin');
  if (!existsSync(join(bin, 'node'))) await step(`Node ${VERSION} (this is ${process.versions.node})`, bringNode);
  process.exit(await runAgain(bin));
}

async function bringNode() {
  if (process.platform !== 'linux' || !['x64', 'arm64'].includes(process.arch)) {
    throw new Refusal(
      `Segue needs Node 24.9 or newer and this is ${process.versions.node}: install it from https://nodejs.org.`,
    );
  }
  const binary = `node-linux-${process.arch}@${VERSION}`;
  await npm('install', '--prefix', inDev(`node-${VERSION}`), '--no-save', '--no-package-lock', binary);
}

/** The channel tells the new process when this one is gone, however it went. */
function runAgain(bin) {
  const env = { ...process.env, PATH: [bin, process.env.PATH].join(delimiter) };
  const child = spawn(join(bin, 'node'), process.argv.slice(1), {
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  whenParentEnds(() => child.kill('SIGTERM'));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
