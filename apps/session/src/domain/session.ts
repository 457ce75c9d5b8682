import type { SessionView } from '#contracts/session';

export interface Session {
  readonly clientId: string;
  readonly sessionId: string;
  /** The userId, or `key_<id>`. */
  readonly subject: string;
  readonly protocol: SessionView['protocol'];
  readonly scopes: readonly string[];
  readonly createdAt: Date;
  /** When its user was last asked who they are; that of the session it hangs on (S-71). */
  readonly authenticatedAt: Date;
  /** The absolute end; no refresh moves it (S-89). */
  readonly expiresAt: Date;
}

/**
 * What a presented refresh token was found to be, judged on the locked row:
 * - `rotated`: the newest link of the chain, which is now one longer
 * - `repeated`: its predecessor, in time and with its successor unused: the same successor again (S-86)
 * - `reused`: a superseded link, so somebody else may hold the chain: it ends here (S-87)
 * - `ahead`: newer than the row, as after a restored backup: refused, and no sign of theft
 * - `ended`: the session is closed or expired, or its subject's epoch was raised
 * - `other_protocol`, `other_app`: of another protocol than the door it came by, or bound to another app: refused, and the
 *   chain is left alone, whichever link it is
 */
export type Verdict = 'rotated' | 'repeated' | 'reused' | 'ahead' | 'ended' | 'other_protocol' | 'other_app';

/** How long a predecessor may come again, by the database clock. */
export const retryWindowSeconds = 10;

/** Who alone may take a refresh chain further (the `client_id` of protocol 004). */
export interface App {
  /** SHA-256 of its id, which may be an e-mail. */
  readonly hash: Buffer;
  /** Not `named`, it is who the user is, and need not be repeated. */
  readonly named: boolean;
}

export function sessionView(session: Session): SessionView {
  return {
    sessionId: session.sessionId,
    clientId: session.clientId,
    subject: session.subject,
    protocol: session.protocol,
    scopes: [...session.scopes],
    createdAt: session.createdAt.toISOString(),
    authenticatedAt: session.authenticatedAt.toISOString(),
    expiresAt: session.expiresAt.toISOString(),
  };
}

/** The live session a browser came with, and whether the one it is to get will hang on it. */
export interface Presented {
  readonly session: Session;
  readonly carries: boolean;
}

/**
 * What becomes of the session a browser came with: a new sign-in replaces it (S-26), whoever's it was, unless the new
 * one hangs on it; where the client wants so, a signed-in user is asked before another takes their place (S-25). The
 * secret of protocol 003 has the form of our cookie and is none: whoever puts it there ends nothing by it.
 */
export function standing(
  { session, carries }: Presented,
  { subject, switchUser }: { readonly subject: string; readonly switchUser: 'confirm' | 'replace' },
): 'kept' | 'asked' | 'replaced' {
  if (carries || session.protocol === 'custom-token') return 'kept';
  const another = session.subject !== subject && session.protocol !== 'anonymous';
  return another && switchUser === 'confirm' ? 'asked' : 'replaced';
}
