import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { FactBody, FactType, NewFact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import { Log } from '#log/log';
import { Flood } from './flood.js';
import { GroupedFacts } from './grouped-facts.js';

/** Facts of refusals: those whose row may stand for many (the gateway counts its own `request.denied`). */
type RefusalType = Exclude<
  { [T in FactType]: 'count' extends keyof FactBody<T> ? T : never }[FactType],
  'request.denied'
>;
export type Refusal = NewFact<RefusalType>;

const singlyAMinute = 600;
const supportsPerRow = 1000;
const flushMs = 1000;

interface Counted {
  readonly first: Refusal;
  readonly supports: string[];
}

/**
 * Refusals are recorded before they are answered. Beyond 600 a minute from one address they are counted in memory, and
 * once a second one row stands for those that say the same, with their number and, where the fact bears a support id,
 * all of theirs (state.md, "Facts").
 */
@Injectable()
export class Refusals implements OnModuleInit, OnModuleDestroy {
  private readonly flood = new Flood(singlyAMinute, 50_000);
  private counted = new Map<string, Counted>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly facts: GroupedFacts,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush(), flushMs).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  /**
   * Resolves once the refusal is committed, or counted where its address floods.
   *
   * @param refusal the fact of this one, without `count` and `supports`
   * @throws Fault `service.busy`, `service.unavailable` or `service.silent`
   */
  async record(refusal: Refusal, { address, support }: Attempt): Promise<void> {
    if (!this.flood.exceeds(address, performance.now())) return this.facts.write(refusal);
    this.count({ first: refusal, supports: [support] });
  }

  private count({ first, supports }: Counted): void {
    const name = whatItSays(first);
    const counted = this.counted.get(name) ?? { first, supports: [] };
    counted.supports.push(...supports);
    this.counted.set(name, counted);
  }

  private async flush(): Promise<void> {
    const counted = [...this.counted.values()];
    this.counted = new Map();
    await Promise.all(counted.map((rows) => this.writeCounted(rows)));
  }

  private async writeCounted({ first, supports }: Counted): Promise<void> {
    for (let at = 0; at < supports.length; at += supportsPerRow) {
      try {
        await this.facts.write(standingFor(first, supports.slice(at, at + supportsPerRow)));
      } catch (error) {
        const again = error instanceof Fault && error.entry.outcome === 'not_executed';
        this.log.error('counted refusals were not recorded', { err: error, again, count: supports.length - at });
        if (again) this.count({ first, supports: supports.slice(at) });
        return;
      }
    }
  }
}

/** Two refusals that differ in their support ids only say the same. */
function whatItSays({ type, clientId, body }: Refusal): string {
  return JSON.stringify([type, clientId, { ...body, support: undefined }]);
}

function standingFor({ body, ...first }: Refusal, supports: string[]): NewFact {
  const count = { count: supports.length, ...('support' in body && { supports }) };
  return { ...first, body: { ...body, ...count } } as NewFact;
}
