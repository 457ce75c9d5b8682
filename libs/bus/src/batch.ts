import type { NatsConnection } from '@nats-io/transport-node';
import { sendCommands } from './nats-inside.js';

/** Where NATS sees a subject end. None that came from the broker, such as where an answer goes, can hold one. */
const blank = /[ \t\r\n]/;

/**
 * Messages that leave together: put together as one text, encoded once, written at once. `nats.publish` encodes three
 * buffers a message and copies them again (`nats-inside.ts`).
 */
export class Batch {
  readonly #most: number;
  #commands = '';

  constructor(private readonly nats: NatsConnection) {
    this.#most = nats.info?.max_payload ?? Number.POSITIVE_INFINITY;
  }

  /**
   * @param reply where an answer goes; '' for none
   * @param head headers (`head.ts`); '' for none
   * @throws Error for what the broker would not take; it would end the connection
   */
  add(subject: string, reply: string, head: string, body: string): void {
    if (subject === '' || blank.test(subject) || blank.test(reply))
      throw new Error('a subject is empty or holds a blank');
    const to = reply === '' ? subject : `${subject} ${reply}`;
    const headSize = head === '' ? 0 : Buffer.byteLength(head);
    const size = headSize + Buffer.byteLength(body);
    if (size > this.#most) throw new Error(`${size} bytes are more than the broker takes`);
    const command = head === '' ? `PUB ${to} ${size}` : `HPUB ${to} ${headSize} ${size}`;
    this.#commands += `${command}\r\n${head}${body}\r\n`;
  }

  /** Without anything in it, a no-op. */
  send(): void {
    if (this.#commands !== '') sendCommands(this.nats, Buffer.from(this.#commands));
  }
}
