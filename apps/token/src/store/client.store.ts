import { Injectable } from '@nestjs/common';
import type { Settings } from '#contracts/settings';
import { Postgres, type Queryable, statement } from '#postgres/postgres';
import { type Listed, listedName, listedNames } from '../domain/listed.js';
import type { ClientEntity } from './client.entity.js';
import type { LinkSecretEntity } from './link-secret.entity.js';

export type ClientRow = Pick<
  ClientEntity,
  'clientId' | 'name' | 'status' | 'epoch' | 'settings' | 'createdAt' | 'updatedAt'
>;

type NewClient = Pick<ClientRow, 'clientId' | 'name'> & { settings: Settings };

/** A client beside one of its link secrets, if it has any; `verifies` is judged by the database's clock. */
export type ClientWithSecret = Pick<ClientEntity, 'clientId' | 'status' | 'epoch' | 'settings'> &
  (Pick<LinkSecretEntity, 'secretId' | 'sealed' | 'verifiesUntil'> | { secretId: null }) & { verifies: boolean };

const columns = `client_id AS "clientId", name, status, epoch, settings,
  created_at AS "createdAt", updated_at AS "updatedAt"`;

const insertClient = statement(
  'token.insert_client',
  `INSERT INTO clients (client_id, name, settings, listed) VALUES ($1, $2, $3, $4) RETURNING ${columns}`,
);
const findClient = statement('token.find_client', `SELECT ${columns} FROM clients WHERE client_id = $1`);
const lockClient = statement('token.lock_client', `SELECT ${columns} FROM clients WHERE client_id = $1 FOR UPDATE`);
const pageOfClients = statement(
  'token.page_of_clients',
  `SELECT ${columns} FROM clients WHERE client_id > $1 ORDER BY client_id LIMIT $2`,
);
const updateClient = statement(
  'token.update_client',
  `UPDATE clients
   SET name = $2, settings = $3, status = $4::text, listed = $5, updated_at = statement_timestamp(),
       epoch = epoch + CASE WHEN status = 'active' AND $4::text = 'suspended' THEN 1 ELSE 0 END
   WHERE client_id = $1
   RETURNING ${columns}`,
);
/** Strangers choose what is looked for. Materialized: beside a LIMIT Postgres would read the whole table. */
const findListing = statement(
  'token.find_clients_listing',
  `WITH listing AS MATERIALIZED (SELECT client_id, status FROM clients WHERE listed @> ARRAY[$1::text])
   SELECT client_id AS "clientId" FROM listing WHERE status = 'active' LIMIT $2`,
);
/** Secrets that ended within a week come along: they only tell a rotated secret from a wrong one. */
const findWithSecrets = statement(
  'token.find_client_with_secrets',
  `SELECT c.client_id AS "clientId", c.status, c.epoch, c.settings,
          s.secret_id AS "secretId", s.sealed, s.verifies_until AS "verifiesUntil",
          (s.verifies_until IS NULL OR s.verifies_until > now()) AS verifies
   FROM clients c
   LEFT JOIN link_secrets s
     ON s.client_id = c.client_id AND (s.verifies_until IS NULL OR s.verifies_until > now() - interval '7 days')
   WHERE c.client_id = $1
   ORDER BY verifies DESC, s.created_at DESC
   LIMIT 6`,
);

@Injectable()
export class ClientStore {
  constructor(private readonly postgres: Postgres) {}

  async insert(tx: Queryable, client: NewClient): Promise<ClientRow> {
    const [row] = await tx.query<ClientRow>(insertClient, [
      client.clientId,
      client.name,
      JSON.stringify(client.settings),
      listedNames(client.settings),
    ]);
    if (!row) throw new Error('INSERT answered no row');
    return row;
  }

  async find(clientId: string): Promise<ClientRow | null> {
    const [row] = await this.postgres.query<ClientRow>(findClient, [clientId]);
    return row ?? null;
  }

  /** Holds the client until the transaction ends: its changes happen one after the other. */
  async lock(tx: Queryable, clientId: string): Promise<ClientRow | null> {
    const [row] = await tx.query<ClientRow>(lockClient, [clientId]);
    return row ?? null;
  }

  page(after: string, limit: number): Promise<ClientRow[]> {
    return this.postgres.query<ClientRow>(pageOfClients, [after, limit]);
  }

  /** Suspending raises the epoch. */
  async update(tx: Queryable, client: NewClient & Pick<ClientRow, 'status'>): Promise<ClientRow> {
    const { clientId, name, settings, status } = client;
    const values = [clientId, name, JSON.stringify(settings), status, listedNames(settings)];
    const [row] = await tx.query<ClientRow>(updateClient, values);
    if (!row) throw new Error('UPDATE of a locked client answered no row');
    return row;
  }

  /** Active clients whose settings list this. */
  async findListing(named: Listed, limit: number, on: Queryable = this.postgres): Promise<string[]> {
    const rows = await on.query<Pick<ClientRow, 'clientId'>>(findListing, [listedName(named), limit]);
    return rows.map(({ clientId }) => clientId);
  }

  /** One row a secret; none when there is no such client. */
  findWithSecrets(clientId: string): Promise<ClientWithSecret[]> {
    return this.postgres.query<ClientWithSecret>(findWithSecrets, [clientId]);
  }
}
