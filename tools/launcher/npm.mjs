import { execute } from './command.mjs';
import { Refusal } from './refusal.mjs';

/** Runs npm quietly. Without npm, or when it fails, a refusal that says so. */
export async function npm(...args) {
  try {
    await execute('npm', [...args, '--no-audit', '--no-fund', '--loglevel=error']);
  } catch (error) {
    if (error.cause?.code === 'ENOENT') {
      throw new Refusal(
        'npm is missing: install Node.js together with npm (https://nodejs.org, or `apt install npm`).',
      );
    }
    throw error;
  }
}
