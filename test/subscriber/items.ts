/**
 * An internal service that keeps something for users (here: items) and follows Segue's facts: items move when two
 * accounts become one, and go when a user is erased. It is plain Node and knows nothing of Segue but the stream: copy it.
 *
 * A fact arrives *at least* once. It counts once, because its `ce-id` is stored in the transaction of its effect
 * (store.ts) and it is acknowledged only after that commit. Whatever is killed in between, the fact comes again.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AckPolicy,
  type ConsumerMessages,
  DeliverPolicy,
  type JsMsg,
  jetstream,
  jetstreamManager,
} from '@nats-io/jetstream';
import { connect, nanos } from '@nats-io/transport-node';
import { type Fact, Store } from './store.js';

const { DATABASE_URL = '', NATS_URL = '', ACK_WAIT_MS = '30000' } = process.env;
const types = ['user.merged', 'user.erased'] as const;

const store = new Store(DATABASE_URL);
// For ever: a broker that restarts is no reason to.
const nats = await connect({ ...account(new URL(NATS_URL)), waitOnFirstConnect: true, maxReconnectAttempts: -1 });
const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => stopping.abort());

await Promise.all(types.map(followFaithfully));
await nats.drain(); // The last acknowledgements leave.
await store.close();

/** `nats://reader:<password>@host:4222`: the account may follow facts and state none, and has inboxes of its own. */
function account({ host: servers, username: user, password: pass }: URL) {
  return { servers, inboxPrefix: '_INBOX_reader', ...(user && { user, pass }) };
}

/** Postgres, NATS or the stream may be away or not there yet. The place in the stream is kept, so simply try again. */
async function followFaithfully(type: Fact['type']): Promise<void> {
  while (!stopping.signal.aborted) {
    try {
      await follow(type);
    } catch (error) {
      log('following is interrupted', { type, error: String(error) });
      await sleep(1_000, undefined, { signal: stopping.signal }).catch(() => undefined);
    }
  }
}

/**
 * The durable consumer is this service's place in the stream; it outlives the process, and replicas share it and its
 * work. One for each type, since NATS 2.9 filters a consumer by one subject: `segue.facts.v1.<clientId>.<type>`.
 */
async function follow(type: Fact['type']): Promise<void> {
  await store.prepare();
  const durable = `items-${type.replace('.', '-')}`;
  const manager = await jetstreamManager(nats);
  await manager.consumers.add('FACTS', {
    durable_name: durable,
    filter_subject: `segue.facts.v1.*.${type}`,
    deliver_policy: DeliverPolicy.All, // A new service hears everything the stream still has.
    ack_policy: AckPolicy.Explicit,
    ack_wait: nanos(Number(ACK_WAIT_MS)), // What is not acknowledged by then comes again, also to another replica.
    max_deliver: -1, // A fact that cannot be handled yet must not be lost.
  });
  const consumer = await jetstream(nats).consumers.get('FACTS', durable);
  const messages = await consumer.consume({ max_messages: 50, abort_on_missing_resource: true });
  const stop = () => messages.stop();
  stopping.signal.addEventListener('abort', stop);
  if (stopping.signal.aborted) stop();
  log('following', { durable });
  try {
    await handleEach(messages);
  } finally {
    stopping.signal.removeEventListener('abort', stop);
    stop();
  }
}

async function handleEach(messages: ConsumerMessages): Promise<void> {
  for await (const message of messages) {
    const fact = factIn(message);
    if (!fact) {
      log('a message is no fact', { subject: message.subject, seq: message.seq });
      message.term(); // It would never become one: do not send it again.
      continue;
    }
    try {
      await store.handle(fact);
      message.ack();
    } catch (error) {
      log('a fact is not handled and comes again', { id: fact.id, type: fact.type, error: String(error) });
      // Others may overtake it meanwhile: store.ts ends up the same in whatever order facts come.
      message.nak(Math.min(500 * 2 ** (message.info.deliveryCount - 1), 60_000));
    }
  }
}

/** CloudEvents 1.0 in the binary mode of the NATS binding: attributes are headers, the body is JSON. New members may come. */
function factIn(message: JsMsg): Fact | undefined {
  const attribute = (name: string) => message.headers?.get(`ce-${name}`);
  const [id, type, clientId] = [attribute('id'), attribute('type'), attribute('clientid')];
  const { from, into, userId } = membersOf(message);
  if (attribute('specversion') !== '1.0' || !isId(id) || !isId(clientId)) return undefined;
  if (type === 'user.merged' && isId(from) && isId(into)) return { id, clientId, type, from, into };
  if (type === 'user.erased' && isId(userId)) return { id, clientId, type, userId };
  return undefined;
}

function membersOf(message: JsMsg): Readonly<Record<string, unknown>> {
  try {
    return Object(message.json());
  } catch {
    return {};
  }
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{1,64}$/.test(value);
}

/** Ids only: a log outlives an erased user. */
function log(message: string, about: object): void {
  console.log(JSON.stringify({ time: new Date().toISOString(), message, ...about }));
}
