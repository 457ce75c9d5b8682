import type { FactBody } from '#contracts/fact';
import { type Queryable, statement } from '#postgres/postgres';
import { sessionFact } from './sql.js';

export interface Closing {
  readonly clientId: string;
  readonly reason: FactBody<'session.closed'>['reason'];
  readonly traceparent: string | null;
}

const update = (which: string) => `WITH closed AS (
    UPDATE sessions session SET closed_at = now(), close_reason = $2
    WHERE session.client_id = $1 AND ${which} AND session.closed_at IS NULL AND session.expires_at > now()
    RETURNING session.*
  ),
  stated AS (
    INSERT INTO outbox (client_id, type, subject, traceparent, body)
    SELECT client_id, 'session.closed', 'session/' || session_id, $3::text,
           jsonb_build_object(${sessionFact('closed')}, 'reason', close_reason)
    FROM closed
  )
  SELECT count(*)::int AS closed FROM closed`;

const closeById = statement(
  'session.close',
  update('session.session_id = $4::uuid AND session.subject = coalesce($5::text, session.subject)'),
);

/** Locked in the order refreshes are, so that the two cannot deadlock. */
const closeBySubject = statement(
  'session.closeAll',
  update(`session.session_id IN (
      SELECT locked.session_id FROM sessions locked
      WHERE locked.client_id = $1 AND locked.subject = $4 AND locked.closed_at IS NULL
      ORDER BY locked.client_id, locked.session_id FOR UPDATE)`),
);

interface Count {
  readonly closed: number;
}

export async function closeOne(
  postgres: Queryable,
  { clientId, reason, traceparent }: Closing,
  sessionId: string,
  subject: string | null,
): Promise<number> {
  const [count] = await postgres.query<Count>(closeById, [clientId, reason, traceparent, sessionId, subject]);
  return count?.closed ?? 0;
}

export async function closeAll(
  postgres: Queryable,
  { clientId, reason, traceparent }: Closing,
  subject: string,
): Promise<number> {
  const [count] = await postgres.query<Count>(closeBySubject, [clientId, reason, traceparent, subject]);
  return count?.closed ?? 0;
}
