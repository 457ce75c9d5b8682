import { Injectable } from '@nestjs/common';
import { Postgres, type Queryable, statement } from '#postgres/postgres';
import type { ApiKeyEntity } from './api-key.entity.js';

export type ApiKeyRow = Pick<
  ApiKeyEntity,
  'keyId' | 'name' | 'kind' | 'scopes' | 'createdAt' | 'expiresAt' | 'rotatedUntil' | 'lastUsedAt'
>;

/** What checking a key needs; `ended` is judged by the database's clock. */
export type StoredApiKey = Pick<ApiKeyEntity, 'digest' | 'kind' | 'scopes' | 'epoch'> & {
  endsAt: Date | null;
  ended: boolean;
  deleted: boolean;
};

const columns = `key_id AS "keyId", name, kind, scopes, created_at AS "createdAt", expires_at AS "expiresAt",
  rotated_until AS "rotatedUntil", last_used_at AS "lastUsedAt"`;
const alive = 'deleted_at IS NULL AND COALESCE(LEAST(expires_at, rotated_until) > statement_timestamp(), true)';

const insertKey = statement(
  'token.insert_api_key',
  `INSERT INTO api_keys (client_id, key_id, name, kind, digest, scopes, expires_at)
   VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING ${columns}`,
);
const listKeys = statement(
  'token.list_api_keys',
  `SELECT ${columns} FROM api_keys WHERE client_id = $1 AND deleted_at IS NULL ORDER BY created_at, key_id`,
);
const findKey = statement(
  'token.find_api_key',
  `SELECT digest, kind, scopes, epoch, LEAST(expires_at, rotated_until) AS "endsAt", NOT (${alive}) AS ended,
          deleted_at IS NOT NULL AS deleted
   FROM api_keys WHERE client_id = $1 AND key_id = $2`,
);
const lockAlive = statement(
  'token.lock_api_key',
  `SELECT ${columns} FROM api_keys WHERE client_id = $1 AND key_id = $2 AND ${alive} FOR UPDATE`,
);
const endAfterOverlap = statement(
  'token.end_api_key',
  `UPDATE api_keys SET rotated_until = LEAST(rotated_until, statement_timestamp() + make_interval(secs => $3))
   WHERE client_id = $1 AND key_id = $2`,
);
const deleteKey = statement(
  'token.delete_api_key',
  `UPDATE api_keys SET deleted_at = statement_timestamp(), epoch = epoch + 1
   WHERE client_id = $1 AND key_id = $2 AND deleted_at IS NULL RETURNING epoch`,
);

@Injectable()
export class ApiKeyStore {
  constructor(private readonly postgres: Postgres) {}

  async insert(
    tx: Queryable,
    key: Pick<ApiKeyEntity, 'clientId' | 'keyId' | 'name' | 'kind' | 'digest' | 'scopes' | 'expiresAt'>,
  ): Promise<ApiKeyRow> {
    const values = [key.clientId, key.keyId, key.name, key.kind, key.digest, key.scopes, key.expiresAt];
    const [row] = await tx.query<ApiKeyRow>(insertKey, values);
    if (!row) throw new Error('INSERT answered no row');
    return row;
  }

  list(clientId: string): Promise<ApiKeyRow[]> {
    return this.postgres.query<ApiKeyRow>(listKeys, [clientId]);
  }

  async find(clientId: string, keyId: string): Promise<StoredApiKey | null> {
    const [row] = await this.postgres.query<StoredApiKey>(findKey, [clientId, keyId]);
    return row ?? null;
  }

  /** A key that still works, held until the transaction ends. */
  async lockAlive(tx: Queryable, clientId: string, keyId: string): Promise<ApiKeyRow | null> {
    const [row] = await tx.query<ApiKeyRow>(lockAlive, [clientId, keyId]);
    return row ?? null;
  }

  /** Never moves an end that is nearer. */
  async endAfterOverlap(tx: Queryable, clientId: string, keyId: string, overlapSeconds: number): Promise<void> {
    await tx.query(endAfterOverlap, [clientId, keyId, overlapSeconds]);
  }

  /**
   * The row stays, with its epoch raised, so that what the key opened can be told to be stale.
   *
   * @returns the raised epoch, or `null` where there was no such key
   */
  async delete(tx: Queryable, clientId: string, keyId: string): Promise<number | null> {
    const [deleted] = await tx.query<{ epoch: number }>(deleteKey, [clientId, keyId]);
    return deleted?.epoch ?? null;
  }
}
