import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { urlFor } from './accounts.mjs';
import { inRoot } from './paths.mjs';
import { freePort } from './ports.mjs';
import { whenReady } from './processes.mjs';

/** What each service is given of the settings: no secret and no store reaches a process that does not own it. */
const settingsOf = {
  gateway: ['PORT', 'PUBLIC_URL', 'REDIS_URL', 'ADMIN_KEY', 'PEPPER'],
  identity: ['DATABASE_URL', 'SEAL_KEYS'],
  token: ['DATABASE_URL', 'REDIS_URL', 'PUBLIC_URL', 'SEAL_KEYS'],
  session: ['DATABASE_URL', 'REFRESH_MAC_KEYS'],
  audit: ['DATABASE_URL'],
};
const toAll = ['NODE_ENV', 'HOST', 'NATS_URL'];
const ofAnybody = Object.values(settingsOf).flat();
const managed = new Set([...ofAnybody, ...toAll, 'OPS_PORT', 'SERVICES']);

/**
 * What V8 takes as the heap's limit decides how much garbage it lets lie: by its defaults the live 66 MiB of one process
 * become 190 before it looks, and young objects get three times 16 MiB besides. A gateway whose revocation set is full keeps
 * some 130 MiB alive: 384 leave as much again for requests in hand. With 4 for young objects the five would take 50 MiB
 * less, and collecting garbage a third more time.
 * @public deploy/Dockerfile has the same, which test/deploy checks
 */
export const heapFlags = ['--max-old-space-size=384', '--max-semi-space-size=8'];

/**
 * Two arenas are enough for glibc: by default each of Node's eight helper threads gets its own, in which what it freed
 * stays.
 * @public as above
 */
export const allocator = { MALLOC_ARENA_MAX: '2' };

const nodeOptions = [`--import=${pathToFileURL(inRoot('dist', 'libs', 'log', 'src', 'source-maps.js'))}`, ...heapFlags];

/** Above the infrastructure's layers 1 to 3: the gateway stops first, the other services next. */
const layerOf = (name) => (name === 'gateway' ? 5 : 4);

/**
 * The settings of all services together; `startService` gives each its own.
 * @param {{ infrastructure: { postgres: string, redis: string, nats: string }, secrets: Record<string, string>, port: number }} options
 */
export function serviceSettings({ infrastructure, secrets, port }) {
  return {
    ...secrets,
    NODE_ENV: 'development',
    HOST: process.env.HOST || '127.0.0.1',
    PORT: String(port),
    PUBLIC_URL: process.env.PUBLIC_URL || `http://127.0.0.1:${port}`,
    DATABASE_URL: infrastructure.postgres,
    REDIS_URL: infrastructure.redis,
    NATS_URL: infrastructure.nats,
  };
}

/**
 * Starts all five services at once and waits until every one is ready.
 * @param {{ processes: import('./processes.mjs').Processes, settings: Record<string, string>, logs: string, opsPort: number, env?: NodeJS.ProcessEnv }} options
 *   `opsPort` is the gateway's, the others take free ones; `env` is handed on where the settings say nothing
 * @returns {Promise<Service[]>}
 */
export function startServices({ opsPort, ...options }) {
  return Promise.all(
    Object.keys(settingsOf).map((name) => startService(name, name === 'gateway' ? { ...options, opsPort } : options)),
  );
}

/**
 * Starts all five services as one process, `segue`, and waits until it is ready. The same options as of `startServices`.
 * @returns {Promise<Service[]>}
 */
export async function startOneProcess({ settings, ...options }) {
  const all = { ...pick(asAccount('segue', settings), [...toAll, ...ofAnybody]), SERVICES: 'all' };
  return [await startProcess('segue', { ...options, settings: all })];
}

/**
 * Starts one process of a service, built before, and waits until it says it is ready.
 * @typedef {{ name: string, pid: number, ops: string, log: string, exited: Promise<string> }} Service
 * @returns {Promise<Service>}
 * @public test/support starts replicas with it
 */
export function startService(name, { settings, ...options }) {
  const own = pick(asAccount(name, settings), [...toAll, ...settingsOf[name]]);
  return startProcess(name, { ...options, settings: own });
}

async function startProcess(name, { processes, settings, logs, opsPort, env = process.env }) {
  const port = opsPort ?? (await freePort());
  const child = processes.start({
    name,
    layer: layerOf(name),
    command: process.execPath,
    args: [...nodeOptions, inRoot('dist', 'apps', name, 'src', 'main.js')],
    env: { ...unmanaged(env), ...allocator, ...settings, OPS_PORT: String(port) },
    log: join(logs, `${name}.log`),
  });
  const ops = `http://127.0.0.1:${port}`;
  await whenReady(child, () => answersReady(ops));
  return { ...child, ops };
}

/** The same settings with the service's own account in each URL. */
function asAccount(name, settings) {
  const { DATABASE_URL, NATS_URL, REDIS_URL } = settings;
  return {
    ...settings,
    DATABASE_URL: urlFor('POSTGRES', name, DATABASE_URL, settings),
    NATS_URL: urlFor('NATS', name, NATS_URL, settings),
    REDIS_URL: urlFor('REDIS', name, REDIS_URL, settings),
  };
}

/** The rest of the environment, such as LOG_LEVEL or LIMITS, is passed on. */
function unmanaged(env) {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !managed.has(name.replace(/_FILE$/, ''))));
}

function pick(settings, names) {
  return Object.fromEntries(names.map((name) => [name, settings[name]]));
}

async function answersReady(ops) {
  const { status } = await fetch(`${ops}/health/ready`, { signal: AbortSignal.timeout(1000) });
  if (status !== 200) throw new Error(`/health/ready answers ${status}`);
}
