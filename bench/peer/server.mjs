// Segue as one system of a harness that brings Postgres and Redis: it takes PORT, DATABASE_URL and REDIS_URL from the
// environment, tells in one line of JSON when it is ready and what its flows need, and ends on SIGTERM. NATS it brings
// itself, since it needs JetStream. The project must be built before.
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { startNats } from '../../tools/launcher/nats.mjs';
import { inDev } from '../../tools/launcher/paths.mjs';
import { freePort } from '../../tools/launcher/ports.mjs';
import { Processes } from '../../tools/launcher/processes.mjs';
import { newSecrets } from '../../tools/launcher/secrets.mjs';
import { serviceSettings, startServices } from '../../tools/launcher/services.mjs';
import { migrate } from '../../tools/migrate.mjs';
import { limits } from '../limits.mjs';
import { prepare } from '../segue/prepare.mjs';

const { DATABASE_URL, REDIS_URL, PORT } = process.env;
const directory = inDev(`bench-peer-${process.pid}`);
const logs = join(directory, 'logs');
mkdirSync(logs, { recursive: true });
const processes = await Processes.claim(directory);
process.on('SIGTERM', async () => {
  await processes.stop();
  rmSync(directory, { recursive: true, force: true });
  process.exit(0);
});

// The harness' stores have no accounts, so nobody gets a password.
const secrets = Object.fromEntries(Object.entries(newSecrets()).filter(([name]) => !name.endsWith('_PASSWORD')));
const nats = await startNats({ processes, directory: join(directory, 'nats'), log: join(logs, 'nats.log'), layer: 3 });
await migrate(DATABASE_URL);
const settings = serviceSettings({
  infrastructure: { postgres: DATABASE_URL, redis: REDIS_URL, nats },
  secrets,
  port: Number(PORT),
});
const env = { ...process.env, LIMITS: limits, LOG_LEVEL: 'warn' };
await startServices({ processes, settings, logs, opsPort: await freePort(), env });
const prepared = await prepare({ url: settings.PUBLIC_URL, adminKey: settings.ADMIN_KEY, users: 64 });
console.log(JSON.stringify({ ready: true, env: prepared }));
