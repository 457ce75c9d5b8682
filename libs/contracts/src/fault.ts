/** How a fault is to be taken; the gateway alone maps kinds to HTTP statuses. */
export type FaultKind =
  | 'invalid'
  | 'denied'
  | 'forbidden'
  | 'missing'
  | 'conflict'
  | 'limited'
  | 'unavailable'
  | 'internal';

interface FaultEntry {
  readonly kind: FaultKind;
  /** The public sentence: true for every cause of this code, tells an attacker nothing. */
  readonly says: string;
  /** For `unavailable` only: `not_executed` = surely no effect, `unknown` = it may have happened. */
  readonly outcome?: 'not_executed' | 'unknown';
}

/** Every fault Segue can answer. Codes are `noun.problem`; outside they read `noun_problem`. */
export const faults = {
  'request.invalid': { kind: 'invalid', says: 'The request is not valid.' },
  'settings.invalid': { kind: 'invalid', says: 'The settings are not valid.' },
  'cursor.invalid': { kind: 'invalid', says: 'The cursor is not one this list has given out.' },
  'grant.unsupported': { kind: 'invalid', says: 'This grant type is not supported.' },
  'token.unsupported': { kind: 'invalid', says: 'A credential of this kind cannot be revoked here.' },

  'link.refused': { kind: 'denied', says: 'The link is not valid.' },
  'account.suspended': { kind: 'denied', says: 'The account is suspended.' },
  'origin.spent': { kind: 'denied', says: 'This sign-in has already been used.' },
  'code.refused': { kind: 'denied', says: 'The code is not valid.' },
  'claim.questioned': { kind: 'conflict', says: 'Somebody else is signed in here.' },
  'password.refused': { kind: 'denied', says: 'The email or password is incorrect.' },
  'totp.required': { kind: 'denied', says: 'A one-time password is needed.' },
  'parent.ended': { kind: 'denied', says: 'The session this sign-in hangs on has ended.' },
  'epoch.stale': { kind: 'denied', says: 'The account changed while signing in.' },
  'refresh.refused': { kind: 'denied', says: 'The refresh token is not valid.' },
  'key.refused': { kind: 'denied', says: 'The API key is not valid.' },
  'admin.refused': { kind: 'denied', says: 'The admin key is not valid.' },
  'token.refused': { kind: 'denied', says: 'The token is not valid.' },
  'token.expired': { kind: 'denied', says: 'The token has expired.' },
  'jwt.refused': { kind: 'denied', says: 'The JWT is not valid.' },
  'session.refused': { kind: 'denied', says: 'There is no valid session.' },

  'feature.off': { kind: 'forbidden', says: 'This client does not use this feature.' },
  'scope.missing': { kind: 'forbidden', says: 'The API key lacks the scope this needs.' },
  'key.exposed': { kind: 'forbidden', says: 'A private API key must not be sent from a browser.' },
  'credentials.key_and_session': { kind: 'forbidden', says: 'An API key and a session came together: send one.' },
  'credentials.jwt_and_session': { kind: 'forbidden', says: 'A JWT and a session came together: send one.' },
  'origin.refused': { kind: 'forbidden', says: 'Pages of this origin may not do this.' },

  'route.missing': { kind: 'missing', says: 'There is nothing at this address.' },
  'client.missing': { kind: 'missing', says: 'There is no such client.' },
  'secret.missing': { kind: 'missing', says: 'There is no such link secret.' },
  'key.missing': { kind: 'missing', says: 'There is no such API key.' },
  'user.missing': { kind: 'missing', says: 'There is no such user.' },
  'session.missing': { kind: 'missing', says: 'There is no such session.' },

  'rotation.in_progress': { kind: 'conflict', says: 'Two link secrets verify already; delete one or wait.' },
  'user.already_exists': { kind: 'conflict', says: 'A user with this externalId exists already.' },
  'user.email_already_exists': { kind: 'conflict', says: 'Another user of this client has this e-mail.' },

  'limit.exceeded': { kind: 'limited', says: 'Too many requests.' },

  'service.unavailable': { kind: 'unavailable', outcome: 'not_executed', says: 'The service cannot be reached.' },
  'service.busy': { kind: 'unavailable', outcome: 'not_executed', says: 'The service has too much to do.' },
  'service.silent': { kind: 'unavailable', outcome: 'unknown', says: 'The service did not answer in time.' },

  internal: { kind: 'internal', says: 'Something went wrong on our side.' },
} as const satisfies Record<string, FaultEntry>;

export type FaultCode = keyof typeof faults;

/** Codes the bus itself may answer to any ask, so no verb lists them. */
export const busFaults: readonly FaultCode[] = [
  'request.invalid',
  'service.unavailable',
  'service.busy',
  'service.silent',
  'internal',
];

export interface FaultOptions {
  /** The reason, for the log at the place of origin; it never crosses the bus. */
  readonly cause?: unknown;
  /** Safe to show to the caller: validation paths, never a value that was sent. */
  readonly detail?: string;
}

/** Misuse or failure with a code of the table. Absence is `null`; a bug stays an Error. */
export class Fault extends Error {
  override readonly name = 'Fault';
  readonly detail: string | undefined;

  constructor(
    readonly code: FaultCode,
    { cause, detail }: FaultOptions = {},
  ) {
    super(code, cause === undefined ? undefined : { cause });
    this.detail = detail;
  }

  get entry(): FaultEntry {
    return faults[this.code];
  }
}

export function isFaultCode(code: unknown): code is FaultCode {
  return typeof code === 'string' && Object.hasOwn(faults, code);
}
