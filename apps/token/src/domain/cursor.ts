import { isClientId } from './client-id.js';

/** The cursor of the client list: the last client of a page, opaque to the caller. */
export function toCursor(clientId: string): string {
  return Buffer.from(clientId).toString('base64url');
}

export function fromCursor(cursor: string): string | null {
  const clientId = Buffer.from(cursor, 'base64url').toString();
  return isClientId(clientId) && toCursor(clientId) === cursor ? clientId : null;
}
