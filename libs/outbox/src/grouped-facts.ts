import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import type { NewFact } from '#contracts/fact';
import { Grouped } from '#postgres/grouped';
import { Postgres, statement } from '#postgres/postgres';
import { Outbox } from './outbox.js';

interface Row {
  readonly fact: NewFact;
  readonly traceparent: string | null;
}

/** Facts with which no change of this database goes: those of one moment share a statement. */
@Injectable()
export class GroupedFacts {
  private readonly grouped: Grouped<Row, undefined>;

  constructor(
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
  ) {
    this.grouped = new Grouped<Row, undefined>({
      run: (rows) => this.insert(rows),
      keys: ({ fact }) => [`${fact.clientId} ${fact.subject}`],
      maxRows: 200,
      maxWaiting: 5000,
    });
  }

  /**
   * Resolves once the fact is committed.
   *
   * @throws Fault `service.busy` or `service.unavailable` it was surely not written, `service.silent` it may have been
   */
  async write(fact: NewFact): Promise<void> {
    await this.grouped.add({ fact, traceparent: currentCall()?.traceparent ?? null });
  }

  private async insert(rows: Row[]): Promise<undefined[]> {
    await this.postgres.query(insert, [
      rows.map(({ fact }) => fact.clientId),
      rows.map(({ fact }) => fact.type),
      rows.map(({ fact }) => fact.subject),
      rows.map(({ traceparent }) => traceparent),
      rows.map(({ fact }) => JSON.stringify(fact.body)),
    ]);
    this.outbox.kick();
    return rows.map(() => undefined);
  }
}

const insert = statement(
  'outbox.insert_grouped',
  `INSERT INTO outbox (client_id, type, subject, traceparent, body)
   SELECT client_id, type, subject, traceparent, body::jsonb
   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
     AS fact (client_id, type, subject, traceparent, body)`,
);
