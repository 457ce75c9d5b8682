import { Injectable } from '@nestjs/common';
import { currentCall } from '#bus/call';
import type { NewFact } from '#contracts/fact';
import { type Queryable, statement } from '#postgres/postgres';

/** Where a service leaves its facts: in the transaction of the change they tell. The relay carries them on. */
@Injectable()
export class Outbox {
  private kicked = false;
  private wake: (() => void) | undefined;

  /**
   * Writes facts with the change, in their order, with the trace of the current call. Call it after the statements that
   * made the change, and `kick()` after the commit.
   *
   * Hot statements insert into `outbox` themselves (`table.ts`).
   */
  async write(tx: Queryable, facts: readonly NewFact[]): Promise<void> {
    if (facts.length === 0) return;
    await tx.query(insert, [
      facts.map(({ clientId }) => clientId),
      facts.map(({ type }) => type),
      facts.map(({ subject }) => subject),
      facts.map(({ body }) => JSON.stringify(body)),
      currentCall()?.traceparent ?? null,
    ]);
  }

  /** Tells the relay that facts were committed: it looks within some 10 ms instead of a second. */
  kick(): void {
    this.kicked = true;
    this.wake?.();
  }

  /** For the relay: resolves at the first kick since it was last asked, at the latest after `most` ms. */
  async whenKicked(most: number): Promise<void> {
    if (!this.kicked) {
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, most);
        this.wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    this.wake = undefined;
    this.kicked = false;
  }
}

const insert = statement(
  'outbox.insert',
  `INSERT INTO outbox (client_id, type, subject, traceparent, body)
   SELECT client_id, type, subject, $5, body::jsonb
   FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
     WITH ORDINALITY AS fact (client_id, type, subject, body, ordinal)
   ORDER BY ordinal`,
);
