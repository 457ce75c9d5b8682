import { Injectable } from '@nestjs/common';
import { Postgres, statement } from '#postgres/postgres';
import type { RevocationPlace } from '../domain/cursor.js';

/** A client that was suspended before, or a key that was deleted: then with `until`, in seconds since 1970. */
export type Revocation = RevocationPlace & { suspended: boolean; epoch: number; until: number | null };

/** Both branches walk a partial index that holds nothing but such rows. */
const page = statement(
  'token.page_of_revocations',
  `SELECT * FROM (
     SELECT client_id AS "clientId", '' COLLATE "C" AS "keyId", status = 'suspended' AS suspended, epoch,
            NULL::float8 AS until
     FROM clients WHERE epoch > 0 AND client_id >= $1
     UNION ALL
     SELECT client_id, key_id, false, epoch, ceil(extract(epoch FROM deleted_at))::float8 + $3
     FROM api_keys
     WHERE deleted_at IS NOT NULL AND deleted_at > now() - make_interval(secs => $3) AND client_id >= $1
   ) revocation
   WHERE ("clientId", "keyId") > ($1, $2)
   ORDER BY "clientId", "keyId" LIMIT $4`,
);

@Injectable()
export class RevocationStore {
  constructor(private readonly postgres: Postgres) {}

  /**
   * Clients and their keys, in one order.
   *
   * @param longestLife seconds: for how long a token of a deleted key could live
   */
  page({ clientId, keyId }: RevocationPlace, longestLife: number, limit: number): Promise<Revocation[]> {
    return this.postgres.query<Revocation>(page, [clientId, keyId, longestLife, limit]);
  }
}
