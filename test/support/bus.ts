import type { Bus } from '#bus/bus';
import { type Line, openLine } from '#bus/bus.module';
import { Secret } from '#env/secret';
import { createLog } from '#log/log';
import { Readiness } from '#ops/readiness';
import type { Stack } from './stack.js';

/**
 * Asks the services of a stack directly, past the gateway: as it, since they answer nobody else. Those of one process hear
 * no NATS: they get replicas that do.
 */
export async function busOf(
  stack: Stack,
): Promise<{ bus: Bus; connection: Line['connection']; close(): Promise<void> }> {
  if (stack.oneProcess) {
    await Promise.all((['identity', 'token', 'session'] as const).map((name) => stack.addReplica(name)));
  }
  return lineTo(stack);
}

async function lineTo({ nats }: Stack) {
  const log = createLog({ service: 'spec', level: 'silent' });
  const { bus, requests, connection } = openLine({
    name: 'gateway',
    natsUrl: new Secret(nats),
    log,
    readiness: new Readiness(log),
  });
  await connection.ready;
  return {
    bus,
    connection,
    close: async () => {
      requests.close();
      await connection.close();
    },
  };
}

interface BusTap {
  /** What was asked before the last answer over HTTP came: the broker passes it on before it answers us. */
  asked(): Promise<readonly string[]>;
  clear(): void;
  close(): Promise<void>;
}

/** Notes the subject of every ask that passes, in order; beats are no asks, and a snapshot no request has caused. */
export async function tapBus(stack: Stack): Promise<BusTap> {
  const { connection, close } = await lineTo(stack);
  const asked: string[] = [];
  const nats = await connection.ready;
  nats.subscribe('segue.*.*', {
    callback: (_error, { subject, reply }) => {
      if (reply && !subject.endsWith('.snapshot')) asked.push(subject);
    },
  });
  await nats.flush();
  return { asked: () => nats.flush().then(() => asked), clear: () => asked.splice(0), close };
}

/** Every message of the stream, headers included, as text. */
export async function factsOf(stack: Stack): Promise<string[]> {
  const { connection, close } = await lineTo(stack);
  const nats = await connection.ready;
  const { state } = (await nats.request('$JS.API.STREAM.INFO.FACTS')).json<{ state: { messages: number } }>();
  const read = async (_: unknown, at: number) => {
    const answer = await nats.request('$JS.API.STREAM.MSG.GET.FACTS', JSON.stringify({ seq: at + 1 }));
    const { message } = answer.json<{ message: { subject: string; hdrs?: string; data?: string } }>();
    const parts = [message.hdrs, message.data].map((part) => Buffer.from(part ?? '', 'base64').toString());
    return [message.subject, ...parts].join('\n');
  };
  const facts = await Promise.all(Array.from({ length: state.messages }, read));
  await close();
  return facts;
}
