import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import { connect, type Msg, type NatsConnection } from '@nats-io/transport-node';
import { Batch } from './batch.js';
import { headLine, headStart, headValue } from './head.js';
import { bodyOf, headOf, plainOf } from './nats-inside.js';
import { NatsServer } from './nats-server.support.js';

const head = `${headStart}${headLine('segue-deadline', '17')}${headLine('Name', 'Zoë: 💶')}\r\n`;

describe('messages that leave together', () => {
  let nats: NatsServer;
  let ours: NatsConnection;
  let theirs: NatsConnection;
  let heard: Msg[];

  beforeAll(async () => {
    nats = await NatsServer.start();
    ours = await connect({ servers: nats.url.reveal() });
    theirs = await connect({ servers: nats.url.reveal() });
    theirs.subscribe('spec.>', { callback: (_, message) => void heard.push(message) });
    await theirs.flush();
  });

  afterAll(async () => {
    await ours.close();
    await theirs.close();
    await nats[Symbol.asyncDispose]();
  });

  async function sent(fill: (batch: Batch) => void): Promise<Msg[]> {
    heard = [];
    const batch = new Batch(ours);
    fill(batch);
    batch.send();
    await ours.flush();
    await theirs.flush();
    return heard;
  }

  it('come in their order, whatever is in them, and as nats.js reads them', async () => {
    const bodies = [
      '',
      'plain',
      'Zoë',
      '日本語 💶',
      '\ud800',
      'a\udc00',
      '\r\nPUB spec.forged 2\r\nhi\r\n',
      'x'.repeat(300_000),
    ];
    const messages = await sent((batch) => {
      for (const body of bodies) {
        batch.add('spec.bare', '', '', body);
        batch.add('spec.whole', 'spec.reply', head, body);
      }
    });
    const readable = bodies.map((body) => Buffer.from(body).toString());
    expect(messages.map((message) => [message.subject, message.reply ?? '', message.string()])).toEqual(
      readable.flatMap((body) => [
        ['spec.bare', '', body],
        ['spec.whole', 'spec.reply', body],
      ]),
    );
    expect(messages.map(bodyOf)).toEqual(readable.flatMap((body) => [body, body]));
    for (const message of messages.filter(({ subject }) => subject === 'spec.whole')) {
      expect(headOf(message)).toBe(head);
      expect(Object.fromEntries(message.headers ?? [])).toEqual({ 'segue-deadline': ['17'], Name: ['Zoë: 💶'] });
    }
    for (const message of messages.filter(({ subject }) => subject === 'spec.bare')) expect(headOf(message)).toBe('');
  });

  it('leave in one write, after what nats.js was told before', async () => {
    let writes = 0;
    const { transport } = (ours as unknown as { protocol: { transport: { send(frame: Uint8Array): void } } }).protocol;
    const send = transport.send;
    transport.send = (frame) => {
      writes++;
      send.call(transport, frame);
    };
    const messages = await sent((batch) => {
      ours.publish('spec.before');
      for (let n = 0; n < 50; n++) batch.add(`spec.${n}`, '', head, 'body');
    });
    transport.send = send;
    expect(writes).toBe(1);
    expect(messages).toHaveLength(51);
    expect(messages[0]?.subject).toBe('spec.before');
  });

  it('keep out what would be read as another command, or end the connection', async () => {
    const messages = await sent((batch) => {
      const add = (subject: string, reply = '', body = '') => batch.add(subject, reply, '', body);
      for (const subject of ['', 'spec.a b', 'spec.a\r\nPUB spec.b 0', 'spec.a\tb\t']) {
        expect(() => add(subject)).toThrow('a subject');
      }
      expect(() => add('spec.a', 'reply 5\r\n')).toThrow('a subject');
      expect(() => add('spec.a', '', 'é'.repeat(600_000))).toThrow('1200000 bytes');
      add('spec.last');
    });
    expect(messages.map(({ subject }) => subject)).toEqual(['spec.last']);
  });

  it('have headers that end where their line does', () => {
    for (const value of ['a\r\nb: c', 'a\nb', 'a\r']) expect(() => headLine('name', value)).toThrow('the header name');
    expect(headValue(head, 'Name')).toBe('Zoë: 💶');
    for (const absent of ['name', 'deadline', 'NATS/1.0', 'Zoë']) expect(headValue(head, absent)).toBe('');
    expect(headValue('', 'Name')).toBe('');
    expect(headValue(`${headStart}a:1\r\na: 2\r\nb:\r\n\r\n`, 'a')).toBe('1');
    expect(headValue(`${headStart}a:1\r\na: 2\r\nb:\r\n\r\n`, 'b')).toBe('');
  });

  it('are found within those of JetStream, and a status as well', async () => {
    const manager = await jetstreamManager(ours);
    await manager.streams.add({ name: 'SPEC', subjects: ['kept.>'] });
    await manager.consumers.add('SPEC', { durable_name: 'spec', ack_policy: 'explicit' });
    await sent((batch) => batch.add('kept.one', '', head, 'body'));
    const message = await (await jetstream(ours).consumers.get('SPEC', 'spec')).next({ expires: 2_000 });
    if (!message) throw new Error('nothing is kept');
    const plain = plainOf(message);
    expect([headOf(plain), bodyOf(plain)]).toEqual([head, 'body']);
    const status = new Promise<Msg>((resolve) => {
      ours.subscribe('inbox', { max: 1, callback: (_, answer) => resolve(answer) });
    });
    await sent((batch) => batch.add('nobody.listens', 'inbox', '', ''));
    expect(headOf(await status)).toMatch(/^NATS\/1\.0 503/);
  });
});
