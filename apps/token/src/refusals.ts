import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import type { NewFact } from '#contracts/fact';
import { Fault } from '#contracts/fault';
import type { Attempt } from '#contracts/ids';
import type { LinkRefusal } from '#contracts/refusal';
import { Log } from '#log/log';
import { Outbox } from '#outbox/outbox';
import { Postgres } from '#postgres/postgres';
import { Flood } from './domain/flood.js';

/** Why a key was refused; for the audit trail, never for an answer. */
export type KeyRefusal = 'malformed' | 'unknown_key' | 'secret' | 'deleted' | 'expired' | 'suspended';

/** Unknown clients are recorded under this name, without what the stranger called them. */
const nobody = '_';
const singlyAMinute = 600;
const supportsPerRow = 1000;

interface Counted {
  readonly fact: (count: number, supports: string[]) => NewFact;
  supports: string[];
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
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush(), 1000).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  /** @param clientId `null` when it is not one of ours */
  async link(clientId: string | null, reason: LinkRefusal, { support, address }: Attempt): Promise<void> {
    const fact = { type: 'link.refused' as const, clientId: clientId ?? nobody, subject: `link/${support}` };
    await this.record(
      { ...fact, body: { support, reason, address } },
      (count, supports) => ({ ...fact, body: { support, reason, address, count, supports } }),
      support,
    );
  }

  /** @param clientId `null` when it is not one of ours */
  async key(clientId: string | null, reason: KeyRefusal, { support, address }: Attempt): Promise<void> {
    const fact = { type: 'key.refused' as const, clientId: clientId ?? nobody, subject: `attempt/${support}` };
    await this.record(
      { ...fact, body: { reason, address } },
      (count) => ({ ...fact, body: { reason, address, count } }),
      support,
    );
  }

  private async record(
    single: NewFact<'link.refused'> | NewFact<'key.refused'>,
    counted: Counted['fact'],
    support: string,
  ): Promise<void> {
    const { type, clientId, body } = single;
    if (!this.flood.exceeds(body.address, performance.now())) return this.write([single]);

    this.count(`${type} ${clientId} ${body.reason} ${body.address}`, { fact: counted, supports: [support] });
  }

  private count(name: string, { fact, supports }: Counted): void {
    const row = this.counted.get(name) ?? { fact, supports: [] };
    row.supports.push(...supports);
    this.counted.set(name, row);
  }

  private async flush(): Promise<void> {
    if (this.counted.size === 0) return;
    const rows = this.counted;
    this.counted = new Map();
    try {
      const facts = [...rows.values()].flatMap(({ fact, supports }) =>
        pagesOf(supports).map((page) => fact(page.length, page)),
      );
      await this.write(facts);
    } catch (error) {
      const again = error instanceof Fault && error.entry.outcome === 'not_executed';
      this.log.error('counted refusals were not recorded', { err: error, again });
      if (again) for (const [name, row] of rows) this.count(name, row);
    }
  }

  private async write(facts: NewFact[]): Promise<void> {
    await this.outbox.write(this.postgres, facts);
    this.outbox.kick();
  }
}

function pagesOf(supports: readonly string[]): string[][] {
  const pages = Math.ceil(supports.length / supportsPerRow);
  return Array.from({ length: pages }, (_, page) => supports.slice(page * supportsPerRow, (page + 1) * supportsPerRow));
}
