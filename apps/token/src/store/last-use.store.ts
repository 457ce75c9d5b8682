import { Injectable } from '@nestjs/common';
import { Postgres, statement } from '#postgres/postgres';

export interface Use {
  readonly clientId: string;
  readonly id: string;
  readonly at: Date;
}

const writeBack = (table: string, id: string) =>
  statement(
    `token.last_use_of_${table}`,
    `UPDATE ${table} t SET last_used_at = GREATEST(t.last_used_at, u.at)
     FROM unnest($1::text[], $2::text[], $3::timestamptz[]) AS u (client_id, id, at)
     WHERE t.client_id = u.client_id AND t.${id} = u.id`,
  );

const statements = {
  linkSecret: writeBack('link_secrets', 'secret_id'),
  apiKey: writeBack('api_keys', 'key_id'),
};

@Injectable()
export class LastUseStore {
  constructor(private readonly postgres: Postgres) {}

  async write(credential: keyof typeof statements, uses: readonly Use[]): Promise<void> {
    // in the order of the primary key, so that two replicas never wait for each other in a circle
    const rows = uses.toSorted((a, b) => compare(a.clientId, b.clientId) || compare(a.id, b.id));
    const columns = [rows.map((use) => use.clientId), rows.map((use) => use.id), rows.map((use) => use.at)];
    await this.postgres.query(statements[credential], columns);
  }
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
