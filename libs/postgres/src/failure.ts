import { types } from 'node:util';
import pg from 'pg';
import { Fault } from '#contracts/fault';

/** What a failed statement means. */
export interface Failure {
  /** What the caller gets. */
  readonly error: unknown;
  /** The connection must not be used again. */
  readonly lost: boolean;
  /** Surely rolled back, and worth the same again. */
  readonly again: boolean;
}

/** Had the COMMIT (every single statement is its own) been sent when it failed? Only then the outcome is unknown. */
export type Sent = 'commit' | 'before commit';

/**
 * Judges the error of a statement that was handed to a connection (SQLSTATE: PostgreSQL manual, appendix A).
 *
 * - a lost connection or no answer: `service.silent`, or `service.unavailable` where no COMMIT had been sent
 * - rolled back for want of resources or time: `service.unavailable`
 * - any other SQLSTATE: the DatabaseError itself, with its `code`
 */
export function judge(error: unknown, sent: Sent): Failure {
  if (error instanceof pg.DatabaseError) return judgeAnswer(error, sent);
  if (isOfTheConnection(error)) return lost(error, sent);
  // A bug on our side, such as a value that cannot be encoded; how much of it was sent is not known.
  return { error, lost: true, again: false };
}

function judgeAnswer(error: pg.DatabaseError, sent: Sent): Failure {
  if (error.severity === 'FATAL' || error.severity === 'PANIC') return lost(error, sent);
  const code = error.code ?? '';
  const rolledBack = { error, lost: false, again: false };
  if (code === serializationFailure || code === deadlockDetected) return { ...rolledBack, again: true };
  if (isStaleStatement(error)) return { ...rolledBack, lost: true, again: true };
  if (code === readOnly) return { ...unavailable(error), lost: true };
  if (resources.test(code)) return unavailable(error);
  return rolledBack;
}

const serializationFailure = '40001';
const deadlockDetected = '40P01';
/** After a failover the connection may lead to what is now a standby. */
const readOnly = '25006';
/** Insufficient resources, system errors, statement_timeout, lock_timeout: rolled back, and the same again would not help. */
const resources = /^(53...|58...|57014|55P03)$/;

/** A prepared statement outlived the table it was planned for (a migration), or its session (a pooler). */
function isStaleStatement({ code, message }: pg.DatabaseError): boolean {
  return code === '26000' || (code === '0A000' && message.includes('cached plan must not change result type'));
}

function isOfTheConnection(error: unknown): boolean {
  if (!types.isNativeError(error) || error.name === 'TypeError' || error.name === 'RangeError') return false;
  return 'code' in error || lostConnection.test(error.message);
}

/** pg has no class for these. */
const lostConnection = /^(Query read timeout|Connection terminated|Client (was closed|has encountered))/;

function lost(cause: unknown, sent: Sent): Failure {
  const code = sent === 'commit' ? 'service.silent' : 'service.unavailable';
  return { error: new Fault(code, { cause }), lost: true, again: false };
}

function unavailable(cause: unknown): Failure {
  return { error: new Fault('service.unavailable', { cause }), lost: false, again: false };
}

/** Was it that nobody answered: neither the statement, nor a new connection, nor any of those ahead in the queue? */
export function isSilence(error: unknown): boolean {
  const reason = error instanceof Fault ? error.cause : error;
  return types.isNativeError(reason) && silence.test(reason.message);
}

const silence =
  /^(Query read timeout|Connection terminated due to connection timeout|timeout exceeded when trying to connect)/;
