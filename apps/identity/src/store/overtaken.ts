import pg from 'pg';
import type { Postgres, Queryable } from '#postgres/postgres';

/** Somebody else was here between our look and our act: what was decided does not hold any more. */
export class Overtaken extends Error {}

const tries = 8;

/** A transaction that decides anew, on what is true by then, as often as it was overtaken. */
export async function decide<T>(postgres: Postgres, work: (tx: Queryable) => Promise<T>): Promise<T> {
  for (let tried = 1; ; tried += 1) {
    try {
      return await postgres.transaction(work);
    } catch (error) {
      if (!(error instanceof Overtaken) || tried === tries) throw error;
    }
  }
}

/** The user was erased while the statement was under way (the migration's `refuse_erased`). */
export function isErasedMeanwhile(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === 'SG001';
}

/** The externalId was taken while the statement was under way. */
export function isTakenMeanwhile(error: unknown): boolean {
  return error instanceof pg.DatabaseError && error.code === '23505' && error.constraint === 'users_external_id';
}
