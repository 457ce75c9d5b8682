import { spawn } from 'node:child_process';
import { inRoot, root } from '../launcher/paths.mjs';

/**
 * Runs Jest over the built specs; this process's arguments are its own. Aborted, it rejects with the signal's reason.
 * @param {NodeJS.ProcessEnv} env
 * @param {AbortSignal} [signal]
 * @returns {Promise<{ passed: number, failed: number, skipped: number }>}
 */
export async function runJest(env, signal) {
  signal?.throwIfAborted();
  const node = ['--experimental-vm-modules', '--disable-warning=ExperimentalWarning'];
  const jest = inRoot('node_modules', 'jest', 'bin', 'jest.js');
  const child = spawn(process.execPath, [...node, jest, ...process.argv.slice(2)], {
    cwd: root,
    env,
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
    // Of its own group: its workers would outlive it.
    detached: true,
  });
  signal?.addEventListener('abort', () => process.kill(-child.pid));
  let tally = { passed: 0, failed: 1, skipped: 0 };
  child.on('message', (counted) => {
    tally = counted;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => signal?.aborted && reject(signal.reason));
    // A failing exit code for another reason than a failed test, such as a coverage threshold, counts as one.
    child.once('close', (code) => resolve(code !== 0 && tally.failed === 0 ? { ...tally, failed: 1 } : tally));
  });
}
