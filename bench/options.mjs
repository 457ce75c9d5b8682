import { parseArgs } from 'node:util';
import { Refusal } from '../tools/launcher/refusal.mjs';
import { titles } from './flow.mjs';
import { systems } from './systems.mjs';

const compared = ['segue', 'by hand', 'floor'];

const help = `npm run bench: measures Segue beside two baselines, on this machine and in one run. It ends by itself.

  npm run bench              under ten minutes: every flow, the bus, the memory, and the goals
  npm run bench -- --quick   under two: the same once and short; figures are rough
  npm run bench -- --growth  the flows of Segue on few and on many users, sessions and facts
  npm run bench -- --soak    all flows mixed at a modest rate, and what the processes hold each minute

  --rounds 3              windows per flow and system, which take turns; the medians are shown
  --seconds 2.5           how long a window is
  --connections 64        how many requests are under way at once; the unloaded latency is measured with one
  --only segue,floor      systems: ${Object.keys(systems).join(', ')}
  --flows F1,F4           flows, see below
  --sizes 10000,1000000   with --growth: how many users, sessions and facts are there; 10000000 may take 40 GB and half an hour
  --minutes 15            with --soak: how long
  --rate 200              with --soak: operations a second, all flows together
  --write                 puts the tables into docs/performance.md
  --out figures.json      writes every figure of every window
  --help                  this

${Object.entries(titles)
  .map(([flow, title]) => `  ${flow.padEnd(10)}${title}`)
  .join('\n')}

Systems start once each, on Postgres, Redis and NATS of their own, and are loaded until they are steady before anything
counts. CPU is read from /proc. Data lives below .dev/bench and is deleted at the end.
`;

const options = {
  help: { type: 'boolean', short: 'h' },
  quick: { type: 'boolean' },
  growth: { type: 'boolean' },
  soak: { type: 'boolean' },
  rounds: { type: 'string' },
  seconds: { type: 'string' },
  connections: { type: 'string', default: '64' },
  only: { type: 'string', default: compared.join(',') },
  flows: { type: 'string' },
  sizes: { type: 'string', default: '10000,1000000' },
  minutes: { type: 'string', default: '15' },
  rate: { type: 'string', default: '200' },
  write: { type: 'boolean' },
  out: { type: 'string' },
};

/** What the command line asks for. @throws Refusal where that is nothing there is */
export function readOptions() {
  const { values } = parseArgs({ options });
  const { quick } = values;
  const known = Object.keys(titles);
  const always = values.growth || values.soak ? known.filter((flow) => flow !== 'F5-first') : known;
  return {
    ...(values.help && { help }),
    mode: values.growth ? 'growth' : values.soak ? 'soak' : 'comparison',
    names: listed(values.only, Object.keys(systems), 'system'),
    flows: values.flows ? listed(values.flows, known, 'flow') : always,
    plan: {
      isRough: Boolean(quick),
      rounds: quick ? 1 : 3,
      ...(values.rounds && { rounds: number('rounds', values.rounds) }),
      windowMs: (values.seconds ? number('seconds', values.seconds) : quick ? 0.7 : 2.5) * 1000,
      aloneMs: quick ? 300 : 1000,
      connections: number('connections', values.connections),
      steady: quick ? { halfMs: 400, mostMs: 800, within: 0.03 } : { halfMs: 1500, mostMs: 9_000, within: 0.03 },
    },
    sizes: values.sizes.split(',').map((size) => number('sizes', size)),
    minutes: Math.ceil(number('minutes', values.minutes)),
    rate: number('rate', values.rate),
    write: values.write,
    out: values.out,
  };
}

function listed(text, known, what) {
  const names = text.split(',');
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new Refusal(`There is no ${what} "${unknown}", only ${known.join(', ')}.`);
  return names;
}

function number(name, text) {
  const value = Number(text);
  if (value > 0) return value;
  throw new Refusal(`--${name} takes a number, not "${text}".`);
}
