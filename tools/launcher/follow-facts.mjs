import { randomUUID } from 'node:crypto';
import { AckPolicy, DeliverPolicy, jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, nanos } from '@nats-io/transport-node';
import { Refusal } from './refusal.mjs';
import { onSignal } from './signals.mjs';

const stream = 'FACTS';
/** What a killed process leaves at the broker is gone after this. */
const forgottenMs = 10_000;

/**
 * Calls `show` with each fact as a CloudEvent in the JSON format, those since `from` (a Date) first, until this process
 * is told to end; then nothing of it is left at the broker. Rejects when the broker goes.
 */
export async function followFacts({ servers, filter, from }, show) {
  const nats = await connected(servers);
  try {
    await follow(nats, { filter, from }, show);
  } finally {
    await nats.close();
  }
}

async function connected(servers) {
  try {
    return await connect({
      ...login(servers),
      name: 'npm run facts',
      inboxPrefix: '_INBOX_reader',
      reconnect: false,
      timeout: 2000,
    });
  } catch (cause) {
    throw new Refusal(`NATS does not answer (${cause.message}): is Segue running?`, { cause });
  }
}

/** nats.js takes the name and password as options, not within a URL. */
function login(servers) {
  const urls = servers.map((each) => new URL(each.includes('://') ? each : `nats://${each}`));
  const { username: user, password: pass } = urls[0];
  const hosts = urls.map(({ host }) => host);
  return { servers: hosts, ...(user && { user: decodeURIComponent(user), pass: decodeURIComponent(pass) }) };
}

async function follow(nats, { filter, from }, show) {
  const consumer = await temporaryConsumer(nats, { filter, from });
  const messages = await consumer.consume({ abort_on_missing_resource: true });
  let told = false;
  const stop = () => {
    told = true;
    messages.stop();
  };
  onSignal({ stop, kill: () => {} });
  process.stdout.on('error', stop); // whoever read along has left
  nats.closed().then(() => messages.stop());

  try {
    for await (const message of messages) {
      if (told) break;
      const event = cloudEvent(message);
      if (event) show(event);
    }
    if (!told) throw new Refusal('Segue was stopped, so nothing more happens.');
  } finally {
    if (!nats.isClosed()) await consumer.delete();
  }
}

async function temporaryConsumer(nats, { filter, from }) {
  const start = from
    ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.toISOString() }
    : { deliver_policy: DeliverPolicy.New };
  try {
    const { name } = await (await jetstreamManager(nats, { checkAPI: false })).consumers.add(stream, {
      // Named here, so that its filter is part of the subject that NATS permits.
      name: `facts-${randomUUID()}`,
      ...start,
      ack_policy: AckPolicy.None,
      filter_subject: filter,
      inactive_threshold: nanos(forgottenMs),
      mem_storage: true,
    });
    return await jetstream(nats).consumers.get(stream, name);
  } catch (cause) {
    throw new Refusal(`The stream ${stream} cannot be followed (${cause.message}): do the services run?`, { cause });
  }
}

/** A message as a CloudEvent in the JSON format; undefined where it is none. */
function cloudEvent(message) {
  const attributes = ['specversion', 'id', 'type', 'source', 'subject', 'time', 'clientid', 'traceparent'];
  const given = attributes.map((name) => [name, message.headers?.get(`ce-${name}`)]).filter(([, value]) => value);
  const event = Object.fromEntries(given);
  if (event.specversion !== '1.0') return undefined;
  return { ...event, datacontenttype: 'application/json', data: message.json() };
}
