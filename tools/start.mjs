// npm start: everything Segue needs on this machine, from a clean clone to a link that signs in.
import { rmSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { urlFor } from './launcher/accounts.mjs';
import { build } from './launcher/build.mjs';
import { seedDemo } from './launcher/demo.mjs';
import { gatewayPorts } from './launcher/gateway-ports.mjs';
import { handOffLink } from './launcher/hand-off-link.mjs';
import { bringPrograms, startInfrastructure } from './launcher/infrastructure.mjs';
import { install } from './launcher/install.mjs';
import { lastLines } from './launcher/log-tail.mjs';
import { underNode24 } from './launcher/node24.mjs';
import { inDev } from './launcher/paths.mjs';
import { writePrivateJson } from './launcher/private-json.mjs';
import { Processes } from './launcher/processes.mjs';
import { Refusal, report } from './launcher/refusal.mjs';
import { secrets } from './launcher/secrets.mjs';
import { serviceSettings, startOneProcess, startServices } from './launcher/services.mjs';
import { onSignal } from './launcher/signals.mjs';
import { seconds, step } from './launcher/steps.mjs';
import { migrate } from './migrate.mjs';

const help = `npm start: runs Segue on this machine, with everything it needs, until Ctrl-C.

  npm start -- --one-process    the five services as one process, for a small installation

  PORT        the gateway's port (8080, or the next free one)
  OPS_PORT    the gateway's private port: health and metrics (9080, or the next free one)
  HOST        the address to bind (127.0.0.1)
  PUBLIC_URL  how the world reaches the gateway (http://127.0.0.1:<PORT>)
  Further settings, such as LOG_LEVEL or LIMITS, reach the services: docs/configuration.md.

  npm run link -- --user alice    another hand-off link
  npm run reset                   forget all data

Everything is kept in .dev/: data, logs (one file a process), run.json (where everything listens).
`;

const logs = inDev('logs');
const runFile = inDev('run.json');

try {
  const { values } = parseArgs({
    options: { help: { type: 'boolean', short: 'h' }, 'one-process': { type: 'boolean', default: false } },
  });
  if (values.help) console.log(help);
  else await run({ oneProcess: values['one-process'] });
} catch (error) {
  report(error);
}

async function run({ oneProcess }) {
  await underNode24();
  const began = performance.now();
  const processes = await Processes.claim(inDev());
  if (processes.leftovers > 0) console.log(`  Ended ${processes.leftovers} processes that a killed launcher had left.`);

  const unannounce = () => rmSync(runFile, { force: true });
  unannounce();

  let stopped;
  const stop = () => {
    unannounce();
    stopped ??= processes.stop();
    return stopped;
  };
  const leave = async () => {
    await step('Stopping', stop);
    process.exit(0);
  };
  onSignal({ stop: leave, kill: () => processes.kill() });
  try {
    const running = await bringUp(processes, oneProcess ? startOneProcess : startServices);
    announce(running, began);
    const { name, how, log } = await processes.firstEnd;
    throw new Refusal(`${name} ended by itself (${how}), so everything is stopped.${lastLines(log)}`);
  } catch (error) {
    const told = stopped !== undefined;
    await stop();
    if (!told) throw error;
  }
}

async function bringUp(processes, startAll) {
  await gatewayPorts(); // a PORT that is taken is told before the long steps
  rmSync(logs, { recursive: true, force: true });
  await step('Packages', async () => {
    const [packages] = await Promise.all([install(), bringPrograms()]);
    return packages;
  });
  await step('Build', build);
  const own = secrets();
  const infrastructure = await step('Postgres, Redis, NATS', () =>
    startInfrastructure({ processes, directory: inDev('data'), logs, secrets: own }),
  );
  await step('Migrations', () => migrate(infrastructure.postgres, own));

  const { port, opsPort, notes } = await gatewayPorts();
  const settings = serviceSettings({ infrastructure, secrets: own, port });
  const services = await step('Services', () => startAll({ processes, settings, logs, opsPort }));
  const gateway = `http://127.0.0.1:${port}`;
  const demo = await step('Demo client', () => seedDemo({ gateway, adminKey: settings.ADMIN_KEY }));

  const places = Object.fromEntries(services.map(({ name, pid, ops }) => [name, { pid, ops }]));
  const facts = urlFor('NATS', 'reader', infrastructure.nats, own);
  writePrivateJson(runFile, { gateway, adminKey: settings.ADMIN_KEY, ...infrastructure, facts, services: places });
  return { gateway, demo, notes };
}

function announce({ gateway, demo, notes }, began) {
  const user = { userId: 'demo', username: 'Demo', email: 'demo@example.com', locale: 'en' };
  console.log(`
  Segue is ready after ${seconds(began).trim()}.${notes.map((note) => ` ${note}`).join('')}

  Gateway   ${gateway}
  Docs      ${gateway}/docs
  Sign in   ${handOffLink({ gateway, ...demo, user })}

  The link signs in once: \`npm run link\` makes another. Ctrl-C stops everything.
`);
}
