import { STATUS_CODES } from 'node:http';
import { HttpException } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import { statusOf } from './status.js';

/** A failure as the outside may see it. */
export interface Trouble {
  readonly status: number;
  /** Stable; what programs decide by. */
  readonly code: string;
  /** The public sentence. */
  readonly says: string;
  readonly detail?: string;
  /** With 503: whether anything may have happened. */
  readonly outcome?: 'not_executed' | 'unknown';
}

/** `null` for what is nobody's fault but ours: to be logged, and shown as `internal`. */
export function troubleOf(error: unknown): Trouble | null {
  if (error instanceof Fault) return ofFault(error);
  if (error instanceof HttpException && error.getStatus() < 500) return ofStatus(error.getStatus());
  return null;
}

export const internalTrouble = ofFault(new Fault('internal'));

function ofFault({ code, entry, detail }: Fault): Trouble {
  return {
    status: statusOf[entry.kind],
    code: code.replaceAll('.', '_'),
    says: entry.says,
    ...(detail !== undefined && { detail }),
    ...(entry.outcome && { outcome: entry.outcome }),
  };
}

/** What Nest and Fastify refuse themselves; their own messages may repeat what was sent. */
function ofStatus(status: number): Trouble {
  if (status === 400) return ofFault(new Fault('request.invalid'));
  if (status === 404) return ofFault(new Fault('route.missing'));
  const says = STATUS_CODES[status] ?? 'Refused';
  return { status, code: says.toLowerCase().replaceAll(/[^a-z]+/g, '_'), says: `${says}.` };
}
