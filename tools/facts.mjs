// npm run facts: what happens in the running Segue, one line a fact, until Ctrl-C.
import { parseArgs, styleText } from 'node:util';
import { underNode24 } from './launcher/node24.mjs';
import { inDev } from './launcher/paths.mjs';
import { readJson } from './launcher/private-json.mjs';
import { isRunning } from './launcher/processes.mjs';
import { Refusal, report } from './launcher/refusal.mjs';

const help = `npm run facts -- [options]: shows what happens in the running Segue, one line a fact, until Ctrl-C.

  --type <type>     only this type (user.merged), or all types of a noun (user); may be repeated
  --client <id>     only the facts of this client; _ for those whose client is not known
  --since <time>    first what happened in the last 90s, 10m, 2h or 7d (the stream keeps 14 days)
  --json            a CloudEvent in JSON a line, for other programs

With NATS_URL set, the Segue behind that NATS is followed, e.g. nats://reader:<password>@host:4222. docs/events.md explains the facts.
`;

const options = {
  type: { type: 'string', multiple: true },
  client: { type: 'string' },
  since: { type: 'string' },
  json: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
};

try {
  await underNode24();
  const { values } = parseArgs({ options });
  if (values.help) console.log(help);
  else await tail(values);
} catch (error) {
  report(error);
}

async function tail({ type: types = [], client, since, json }) {
  const filter = filterOf(types, client);
  const from = since === undefined ? undefined : new Date(Date.now() - durationMs(since));
  const line = json ? JSON.stringify : readable;
  const wanted = ({ type }) => types.length === 0 || types.some((each) => type === each || type.startsWith(`${each}.`));

  const at = servers();
  // Only what runs has its packages for certain.
  const { followFacts } = await import('./launcher/follow-facts.mjs');
  await followFacts({ servers: at, filter, from }, (event) => wanted(event) && console.log(line(event)));
}

/** Where the NATS of the running Segue is. */
function servers() {
  if (process.env.NATS_URL) return process.env.NATS_URL.split(',');
  const running = readJson(inDev('run.json'));
  if (!running || !isRunning(inDev())) throw new Refusal('Segue is not running: start it with `npm start`.');
  return [running.facts];
}

/** NATS 2.9 takes a single filter, so with several types the broker sends what they share, and the rest is left out here. */
function filterOf(types, client = '*') {
  const odd = types.find((type) => !/^[a-z_]+(\.[a-z_]+)?$/.test(type));
  if (odd !== undefined) throw new Refusal(`"${odd}" is no type: name one like user.merged, or a noun like user.`);
  if (!/^(\*|_|[a-z0-9]+)$/.test(client)) throw new Refusal(`"${client}" is no client id.`);
  const [type, ...others] = new Set(types);
  const noun = type?.split('.')[0];
  const facts = `segue.facts.v1.${client}`;
  if (type === undefined || others.some((other) => other.split('.')[0] !== noun)) return `${facts}.>`;
  return others.length === 0 && type !== noun ? `${facts}.${type}` : `${facts}.${noun}.*`;
}

function durationMs(text) {
  const [, count, unit] = /^(\d+)(s|m|h|d)$/.exec(text) ?? [];
  if (!unit) throw new Refusal(`"${text}" is no time span: write 90s, 10m, 2h or 7d.`);
  return Number(count) * { s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[unit];
}

/** Colours where somebody looks at a terminal that has them. */
function paint(style, text) {
  return styleText(style, text, { stream: process.stdout });
}

function readable({ time, clientid, type, subject, data }) {
  const members = Object.entries(data).map(([name, value]) => `${paint('dim', `${name}=`)}${plain(value)}`);
  return [paint('dim', time), plain(clientid), paint('cyan', type), plain(subject), ...members].join(' ');
}

/** A value as it is where it is a plain word, otherwise as JSON without anything that could steer a terminal. */
function plain(value) {
  if (typeof value === 'string' && /^[\w.:/@+-]+$/.test(value)) return value;
  if (Array.isArray(value) && value.length > 0) return value.map(plain).join(',');
  return JSON.stringify(value).replace(/[^ -~]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
