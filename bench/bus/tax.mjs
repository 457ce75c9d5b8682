import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { startNats } from '../../tools/launcher/nats.mjs';
import { inRoot } from '../../tools/launcher/paths.mjs';
import { freePort } from '../../tools/launcher/ports.mjs';
import { whenReady } from '../../tools/launcher/processes.mjs';
import { step } from '../../tools/launcher/steps.mjs';
import { measure } from '../measuring.mjs';
import { cpuSeconds } from '../meter.mjs';
import { pin } from '../pinning.mjs';
import { untilQuiet } from '../quiet.mjs';
import { pidsIn } from '../stage.mjs';

const asksPerMs = 20;

/**
 * What an ask costs over the bus and in process, where the verb itself does nothing: by itself, and as the whole of a
 * request, which comes in by HTTP, asks once and is answered.
 * @returns {Promise<{ asks: object[], requests: object[] }>} CPU µs by process for each form
 */
export async function busTax(stage, { plan, directory }) {
  const forms = await startForms(stage, join(directory, 'bus'));
  const { windows } = await measure(forms, ['ask'], { ...plan, aloneMs: 0 });
  const requests = windows.map(({ name, perSecond, cpuMicros }) => ({ name, perSecond, cpuMicros }));
  const asks = [];
  for (let round = 0; round < plan.rounds; round++) {
    for (const form of forms) {
      await step(`${form.name}, asks alone`, async () => {
        if (round === 0) await ask(form, plan.windowMs * asksPerMs);
        asks.push({ name: form.name, cpuMicros: await ask(form, plan.windowMs * asksPerMs) });
      });
    }
  }
  return { asks, requests };
}

async function startForms(stage, directory) {
  const logs = join(directory, 'logs');
  mkdirSync(logs, { recursive: true });
  const processes = await stage.claim(directory);
  const nats = await startNats({
    processes,
    directory: join(directory, 'nats'),
    log: join(logs, 'nats.log'),
    layer: 3,
  });
  const start = async (name, file, env, answers) => {
    const child = processes.start({
      name,
      layer: 4,
      command: process.execPath,
      args: ['--max-semi-space-size=8', inRoot('bench', 'bus', file)],
      env: { ...process.env, NATS_URL: nats, LOG_LEVEL: 'warn', ...env },
      log: join(logs, `${name}.log`),
    });
    await whenReady(child, () => answered(answers));
    return child.pid;
  };
  const asker = async (name, form, others) => {
    const port = await freePort();
    const url = `http://127.0.0.1:${port}/ask`;
    const pid = await start(name.replaceAll(' ', '-'), 'asker.mjs', { FORM: form, PORT: String(port) }, url);
    const groups = { asker: pid, ...others };
    pin(groups);
    return { name, flows: pathToFileURL(inRoot('bench', 'bus', 'flows.mjs')).href, port, env: {}, groups };
  };

  const opsPort = String(await freePort());
  const ready = `http://127.0.0.1:${opsPort}/health/ready`;
  const empty = await start('empty', 'empty.mjs', { OPS_PORT: opsPort }, ready);
  const { NATS } = pidsIn(directory);
  return [await asker('over the bus', 'nats', { empty, NATS }), await asker('in process', 'in-process', {})];
}

async function answered(url) {
  const { status } = await fetch(url, { signal: AbortSignal.timeout(60_000) });
  if (status !== 200) throw new Error(`${url} answers ${status}`);
}

/** So many asks, 64 in flight. @returns CPU µs an ask by process */
async function ask({ port, groups }, count) {
  await untilQuiet(groups);
  const before = cpuSeconds(groups);
  await answered(`http://127.0.0.1:${port}/asks/${count}`);
  const after = cpuSeconds(groups);
  return Object.fromEntries(Object.keys(groups).map((name) => [name, ((after[name] - before[name]) * 1e6) / count]));
}
