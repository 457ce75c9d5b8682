import type { BeforeApplicationShutdown } from '@nestjs/common';
import type { FactStream } from '#bus/facts';
import type { FactBody } from '#contracts/fact';
import type { Log } from '#log/log';
import { uuidv7 } from '#secrets/random';

type Denial = Omit<FactBody<'request.denied'>, 'count'> & { readonly clientId: string };

/** How many different denials are told apart within a second; a flood of addresses beyond that is only counted together. */
const most = 1_000;

/**
 * The gateway's own refusals as facts: counted, published once a second per (client, route, reason, address), straight
 * to the stream because the gateway has no database (state.md, "Facts"). Never waited for by a request.
 */
export class Denials implements BeforeApplicationShutdown {
  readonly #counts = new Map<string, { denial: Denial; count: number }>();
  readonly #ticking = setInterval(() => void this.#publish(), 1_000).unref();

  constructor(
    private readonly stream: Pick<FactStream, 'publish'>,
    private readonly log: Log,
  ) {}

  /** @param denial of a client known from its credential or settings, else `_` */
  note(denial: Denial): void {
    const told = this.#counts.size < most ? denial : { ...denial, address: 'many' };
    const key = JSON.stringify([told.clientId, told.route, told.reason, told.address]);
    const counted = this.#counts.get(key);
    if (counted) counted.count++;
    else this.#counts.set(key, { denial: told, count: 1 });
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.#ticking);
    await this.#publish();
  }

  async #publish(): Promise<void> {
    const counted = [...this.#counts.values()];
    this.#counts.clear();
    const now = Date.now();
    const published = counted.map(({ denial: { clientId, ...denial }, count }) =>
      this.stream.publish({
        id: uuidv7(now),
        type: 'request.denied',
        clientId,
        subject: `address/${denial.address}`,
        at: new Date(now).toISOString(),
        traceparent: null,
        body: { ...denial, count },
      }),
    );
    const lost = (await Promise.allSettled(published)).filter(({ status }) => status === 'rejected').length;
    if (lost > 0) this.log.warn('denials could not be published', { lost });
  }
}
