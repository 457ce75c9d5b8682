import { isClientId } from './client-id.js';

/** The cursor of the client list: the last client of a page, opaque to the caller. */
export function toCursor(clientId: string): string {
  return Buffer.from(clientId).toString('base64url');
}

export function fromCursor(cursor: string): string | null {
  const clientId = Buffer.from(cursor, 'base64url').toString();
  return isClientId(clientId) && toCursor(clientId) === cursor ? clientId : null;
}

/** The last entry of a page of the revocation set: a client, or one of its keys. */
export interface RevocationPlace {
  readonly clientId: string;
  /** Empty for the client itself. */
  readonly keyId: string;
}

export function toRevocationCursor({ clientId, keyId }: RevocationPlace): string {
  return Buffer.from(`${clientId}/${keyId}`).toString('base64url');
}

export function fromRevocationCursor(cursor: string): RevocationPlace | null {
  const text = Buffer.from(cursor, 'base64url').toString();
  const [, clientId, keyId] = /^([a-z0-9]{8,36})\/([0-9A-Za-z]{12}|)$/.exec(text) ?? [];
  if (clientId === undefined || keyId === undefined) return null;
  return toRevocationCursor({ clientId, keyId }) === cursor ? { clientId, keyId } : null;
}
