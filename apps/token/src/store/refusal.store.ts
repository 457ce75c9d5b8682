import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import type { NewFact } from '#contracts/fact';
import { Outbox } from '#outbox/outbox';
import { Grouped } from '#postgres/grouped';
import { Postgres, statement } from '#postgres/postgres';

interface Row {
  readonly fact: NewFact;
  readonly traceparent: string | null;
}

const insert = statement(
  'token.insert_refusals',
  `INSERT INTO outbox (client_id, type, subject, traceparent, body)
   SELECT client_id, type, subject, traceparent, body::jsonb
   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[])
     AS fact (client_id, type, subject, traceparent, body)`,
);

/** Facts of refusals: no change goes with them, so those of one moment share a statement. */
@Injectable()
export class RefusalStore {
  private readonly grouped: Grouped<Row, undefined>;

  constructor(
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
  ) {
    this.grouped = new Grouped<Row, undefined>({
      run: (rows) => this.insert(rows),
      keys: () => [],
      maxRows: 200,
      maxWaiting: 5000,
    });
  }

  /** Resolves once the fact is committed. */
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
