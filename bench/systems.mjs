import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { inRoot } from '../tools/launcher/paths.mjs';
import { freePort } from '../tools/launcher/ports.mjs';
import { whenReady } from '../tools/launcher/processes.mjs';
import { serviceSettings, startOneProcess, startServices } from '../tools/launcher/services.mjs';
import { limits } from './limits.mjs';
import { prepare } from './segue/prepare.mjs';

/** Keys of the baselines, which have one client and no administration. */
const fixed = { API_KEY: randomBytes(24).toString('hex'), LINK_SECRET: randomBytes(32).toString('hex') };

/**
 * The systems of a run. `start` gives where one listens, what its flows need, and its processes by name, and takes as
 * long as that takes; its children end with `processes`. Started `again` on the stores it had it keeps its port and env.
 * @typedef {{ port: number, env: object, groups: Record<string, number> }} Started
 */
export const systems = {
  /** As an operator runs it: five processes, limits and guards on, every fact written and in the audit trail. */
  segue: { flows: 'segue/flows.mjs', hasSchemas: true, start: (options) => startSegue(startServices, options) },
  /** The same as one process (`SERVICES=all`). */
  'one process': {
    flows: 'segue/flows.mjs',
    hasSchemas: true,
    start: (options) => startSegue(startOneProcess, options),
  },
  'by hand': { flows: 'by-hand/flows.mjs', start: (options) => startBaseline('by-hand', options) },
  floor: { flows: 'by-hand/flows.mjs', start: (options) => startBaseline('floor', options) },
};

async function startSegue(form, { processes, infrastructure, secrets, logs, users, again }) {
  const port = again?.port ?? (await freePort());
  const settings = serviceSettings({ infrastructure, secrets, port });
  const env = { ...process.env, LIMITS: limits, LOG_LEVEL: 'warn' };
  const services = await form({ processes, settings, logs, opsPort: await freePort(), env });
  const prepared = again?.env ?? (await prepare({ url: settings.PUBLIC_URL, adminKey: settings.ADMIN_KEY, users }));
  return { port, env: prepared, groups: Object.fromEntries(services.map(({ name, pid }) => [name, pid])) };
}

async function startBaseline(name, { processes, infrastructure, logs }) {
  const port = await freePort();
  const child = processes.start({
    name,
    layer: 4,
    command: process.execPath,
    args: [inRoot('bench', name, 'server.mjs')],
    env: {
      ...process.env,
      ...fixed,
      NODE_ENV: 'production',
      PORT: String(port),
      DATABASE_URL: infrastructure.postgres,
      REDIS_URL: infrastructure.redis,
    },
    log: join(logs, `${name}.log`),
  });
  await whenReady(child, () => fetch(`http://127.0.0.1:${port}/`, { signal: AbortSignal.timeout(1000) }));
  return { port, env: fixed, groups: { [name]: child.pid } };
}
