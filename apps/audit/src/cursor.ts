import type { z } from 'zod';
import { Fault } from '#contracts/fault';

/** Where to go on, as an opaque text. */
export function toCursor(place: readonly unknown[]): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url');
}

/** @throws Fault `cursor.invalid` */
export function fromCursor<Place>(schema: z.ZodType<Place>, cursor: string): Place {
  try {
    return schema.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
  } catch (cause) {
    throw new Fault('cursor.invalid', { cause });
  }
}
