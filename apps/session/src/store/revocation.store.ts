import { Injectable } from '@nestjs/common';
import { Postgres, statement } from '#postgres/postgres';
import type { RevocationPlace } from '../domain/cursor.js';
import { clientSubject } from './sql.js';

export interface RevokedSession extends RevocationPlace {
  /** Seconds, rounded up. */
  readonly untilSeconds: number;
}

export interface RevokedEpoch extends RevokedSession {
  readonly least: number;
}

const until = (column: string) =>
  `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') AS until,
   ceil(extract(epoch FROM ${column}))::float8 AS "untilSeconds"`;

/** No access token outlives the end of its session. */
const sessionPage = statement(
  'session.pageOfClosed',
  `SELECT 'sessions' AS of, client_id AS "clientId", session_id AS name, ${until('expires_at')}
  FROM sessions
  WHERE closed_at IS NOT NULL AND expires_at > now()
    AND (expires_at, client_id, session_id) > ($1::timestamptz, $2, $3::uuid)
  ORDER BY expires_at, client_id, session_id LIMIT $4`,
);

/** Of clients *token* knows more. */
const epochPage = statement(
  'session.pageOfEpochs',
  `SELECT 'epochs' AS of, client_id AS "clientId", subject AS name, least_epoch AS least, ${until('matters_until')}
  FROM epochs
  WHERE matters_until > now() AND subject <> '${clientSubject}'
    AND (matters_until, client_id, subject) > ($1::timestamptz, $2, $3)
  ORDER BY matters_until, client_id, subject LIMIT $4`,
);

const firstSession = { until: '-infinity', clientId: '', name: '00000000-0000-0000-0000-000000000000' };
const firstEpoch = { until: '-infinity', clientId: '', name: '' };

/** What access tokens that may still live must not be accepted for. */
@Injectable()
export class RevocationStore {
  constructor(private readonly postgres: Postgres) {}

  /** Closed sessions that would not have expired yet, by their end. */
  sessions({ until, clientId, name }: Omit<RevocationPlace, 'of'> = firstSession, limit: number) {
    return this.postgres.query<RevokedSession>(sessionPage, [until, clientId, name, limit]);
  }

  /** Epochs that could still end a token, by how long they could. */
  epochs({ until, clientId, name }: Omit<RevocationPlace, 'of'> = firstEpoch, limit: number) {
    return this.postgres.query<RevokedEpoch>(epochPage, [until, clientId, name, limit]);
  }
}
