// npm run secrets: what docker-compose.yml needs to know, freshly made, into .env; one that exists is left alone.
import { chmodSync, existsSync, statSync, writeFileSync } from 'node:fs';
import { inRoot } from './launcher/paths.mjs';
import { Refusal, report } from './launcher/refusal.mjs';
import { newSecrets } from './launcher/secrets.mjs';

const file = process.argv[2] ?? inRoot('.env');

try {
  // An empty one is what `> .env` has just made.
  if (existsSync(file) && statSync(file).size > 0) {
    throw new Refusal(
      `${file} exists. Its secrets are in use: what was sealed with them cannot be opened without them.`,
    );
  }
  const lines = Object.entries(newSecrets()).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(file, lines.join(''), { mode: 0o600 });
  chmodSync(file, 0o600);
} catch (error) {
  report(error);
}
