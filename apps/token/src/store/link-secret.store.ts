import { Injectable } from '@nestjs/common';
import { Postgres, type Queryable, statement } from '#postgres/postgres';
import type { LinkSecretEntity } from './link-secret.entity.js';

export type LinkSecretRow = Pick<LinkSecretEntity, 'secretId' | 'createdAt' | 'verifiesUntil' | 'lastUsedAt'>;

const verifies = '(verifies_until IS NULL OR verifies_until > statement_timestamp())';

const insertSecret = statement(
  'token.insert_link_secret',
  'INSERT INTO link_secrets (client_id, secret_id, sealed, created_at) VALUES ($1, $2, $3, clock_timestamp())',
);
const listVerifying = statement(
  'token.list_link_secrets',
  `SELECT secret_id AS "secretId", created_at AS "createdAt", verifies_until AS "verifiesUntil",
          last_used_at AS "lastUsedAt"
   FROM link_secrets WHERE client_id = $1 AND ${verifies} ORDER BY created_at`,
);
/** LEAST passes over NULL: a secret without an end gets one, an end that is nearer stays. */
const endVerifying = statement(
  'token.end_link_secrets',
  `UPDATE link_secrets SET verifies_until = LEAST(verifies_until, statement_timestamp() + make_interval(secs => $2))
   WHERE client_id = $1 AND ${verifies}`,
);
const endOne = statement(
  'token.end_link_secret',
  `UPDATE link_secrets SET verifies_until = statement_timestamp()
   WHERE client_id = $1 AND secret_id = $2 AND ${verifies} RETURNING secret_id`,
);
const forgetEnded = statement(
  'token.forget_link_secrets',
  `DELETE FROM link_secrets WHERE verifies_until < now() - interval '7 days'`,
);

@Injectable()
export class LinkSecretStore {
  constructor(private readonly postgres: Postgres) {}

  async insert(tx: Queryable, secret: Pick<LinkSecretEntity, 'clientId' | 'secretId' | 'sealed'>): Promise<void> {
    await tx.query(insertSecret, [secret.clientId, secret.secretId, secret.sealed]);
  }

  /** Those that verify now, oldest first. */
  listVerifying(clientId: string, on: Queryable = this.postgres): Promise<LinkSecretRow[]> {
    return on.query<LinkSecretRow>(listVerifying, [clientId]);
  }

  /** Ends those that verify after the overlap; one that ends sooner is not extended. */
  async endVerifying(tx: Queryable, clientId: string, overlapSeconds: number): Promise<void> {
    await tx.query(endVerifying, [clientId, overlapSeconds]);
  }

  /** @returns whether it still verified */
  async end(tx: Queryable, clientId: string, secretId: string): Promise<boolean> {
    const ended = await tx.query(endOne, [clientId, secretId]);
    return ended.length > 0;
  }

  /** Ended secrets are kept a week, only to be told from wrong ones; never longer. */
  async forgetEnded(): Promise<void> {
    await this.postgres.query(forgetEnded, []);
  }
}
