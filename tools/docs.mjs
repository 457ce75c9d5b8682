// npm run docs: writes the pages that follow from the code; with `--check` it only says which of them are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { asyncapi } from './docs/asyncapi.mjs';
import { configurationPage, envExample } from './docs/configuration.mjs';
import { eventsPage } from './docs/events.mjs';
import { faultsPage } from './docs/faults.mjs';
import { metricsPage } from './docs/metrics.mjs';
import { natsConf } from './docs/nats-conf.mjs';
import { build } from './launcher/build.mjs';
import { underNode24 } from './launcher/node24.mjs';
import { inRoot } from './launcher/paths.mjs';
import { Refusal, report } from './launcher/refusal.mjs';

const pages = {
  'docs/configuration.md': configurationPage,
  '.env.example': envExample,
  'docs/faults.md': faultsPage,
  'docs/events.md': eventsPage,
  'docs/metrics.md': metricsPage,
  'docs/asyncapi.json': asyncapi,
  'deploy/nats.conf': natsConf,
};

try {
  await underNode24();
  const { values } = parseArgs({ options: { check: { type: 'boolean', default: false } } });
  // `npm run check` has just built; by hand the pages must not follow an old build.
  if (!values.check) await build();
  const stale = await stalePages();
  if (values.check && stale.length > 0) {
    throw new Refusal(
      `Stale: ${stale.map(({ name }) => name).join(', ')}. Run \`npm run docs\` and commit the result.`,
    );
  }
  for (const { name, text } of stale) writeFileSync(inRoot(name), text);
  console.log(
    stale.length === 0 ? 'Generated pages: all up to date.' : `Written: ${stale.map((page) => page.name).join(', ')}.`,
  );
} catch (error) {
  report(error);
}

async function stalePages() {
  const made = await Promise.all(Object.entries(pages).map(async ([name, make]) => ({ name, text: await make() })));
  return made.filter(({ name, text }) => text !== written(name));
}

function written(name) {
  try {
    return readFileSync(inRoot(name), 'utf8');
  } catch (error) {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  }
}
