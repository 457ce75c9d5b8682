import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { NewFact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import type { LinkRefusal } from '#contracts/refusal';
import { Log } from '#log/log';
import { Flood } from './domain/flood.js';
import { RefusalStore } from './store/refusal.store.js';

/** Why a key was refused; for the audit trail, never for an answer. */
export type KeyRefusal = 'malformed' | 'unknown_key' | 'secret' | 'deleted' | 'expired' | 'suspended';

/** Unknown clients are recorded under this name, without what the stranger called them. */
const nobody = '_';
const singlyAMinute = 600;
const supportsPerRow = 1000;

interface Refusal {
  readonly type: 'link.refused' | 'key.refused';
  readonly clientId: string;
  readonly reason: string;
  readonly attempt: Attempt;
  /** The fact for this one, or for as many as there are support ids. */
  fact(supports?: string[]): NewFact;
}

interface Counted {
  readonly first: Refusal;
  readonly supports: string[];
}

/**
 * Refusals are recorded before they are answered. Beyond 600 a minute from one address they are counted in memory, and
 * once a second one row stands for those of one client and reason, listing the support ids (state.md, "Facts").
 */
@Injectable()
export class Refusals implements OnModuleInit, OnModuleDestroy {
  private readonly flood = new Flood(singlyAMinute, 50_000);
  private counted = new Map<string, Counted>();
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: RefusalStore,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush(), 1000).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  /** @param known the client, or `null` when it is not one of ours */
  link(known: string | null, reason: LinkRefusal, attempt: Attempt): Promise<void> {
    const type = 'link.refused' as const;
    const clientId = known ?? nobody;
    const { support, address } = attempt;
    const fact = (supports?: string[]) => ({
      ...{ type, clientId, subject: `link/${support}` },
      body: { support, reason, address, ...(supports && { count: supports.length, supports }) },
    });
    return this.record({ type, clientId, reason, attempt, fact });
  }

  /** @param known the client, or `null` when it is not one of ours */
  key(known: string | null, reason: KeyRefusal, attempt: Attempt): Promise<void> {
    const type = 'key.refused' as const;
    const clientId = known ?? nobody;
    const { support, address } = attempt;
    const fact = (supports?: string[]) => ({
      ...{ type, clientId, subject: `attempt/${support}` },
      body: { reason, address, ...(supports && { count: supports.length }) },
    });
    return this.record({ type, clientId, reason, attempt, fact });
  }

  private async record(refusal: Refusal): Promise<void> {
    const { type, clientId, reason, attempt } = refusal;
    if (!this.flood.exceeds(attempt.address, performance.now())) return this.store.write(refusal.fact());
    this.count(`${type} ${clientId} ${reason} ${attempt.address}`, { first: refusal, supports: [attempt.support] });
  }

  private count(name: string, { first, supports }: Counted): void {
    const counted = this.counted.get(name) ?? { first, supports: [] };
    counted.supports.push(...supports);
    this.counted.set(name, counted);
  }

  private async flush(): Promise<void> {
    const counted = this.counted;
    this.counted = new Map();
    await Promise.all([...counted].map(([name, row]) => this.writeCounted(name, row)));
  }

  private async writeCounted(name: string, { first, supports }: Counted): Promise<void> {
    for (let at = 0; at < supports.length; at += supportsPerRow) {
      try {
        await this.store.write(first.fact(supports.slice(at, at + supportsPerRow)));
      } catch (error) {
        const again = error instanceof Fault && error.entry.outcome === 'not_executed';
        this.log.error('counted refusals were not recorded', { err: error, again, count: supports.length - at });
        if (again) this.count(name, { first, supports: supports.slice(at) });
        return;
      }
    }
  }
}
