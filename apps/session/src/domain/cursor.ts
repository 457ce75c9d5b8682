/** Where a page of the revocation set ended: at a session, or at an epoch. */
export interface RevocationPlace {
  readonly of: 'sessions' | 'epochs';
  /** As Postgres wrote it, to the microsecond. */
  readonly until: string;
  readonly clientId: string;
  /** The sessionId or the subject. */
  readonly name: string;
}

const form =
  /^([se])\/(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)\/([a-z0-9]{8,36})\/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|(?<=^e.+\/).+)$/u;

export function toRevocationCursor({ of, until, clientId, name }: RevocationPlace): string {
  return Buffer.from(`${of === 'sessions' ? 's' : 'e'}/${until}/${clientId}/${name}`).toString('base64url');
}

/** @returns `null` for a text that `toRevocationCursor` never made */
export function fromRevocationCursor(cursor: string): RevocationPlace | null {
  const [, kind, until = '', clientId = '', name = ''] = form.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (!kind || Number.isNaN(Date.parse(until))) return null;
  const place: RevocationPlace = { of: kind === 's' ? 'sessions' : 'epochs', until, clientId, name };
  return toRevocationCursor(place) === cursor ? place : null;
}
