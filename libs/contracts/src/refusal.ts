/**
 * Why a link was refused, and what its sender can do about it. The reason stands in the audit trail under the support
 * id and never in an answer; the advice answers each case of the troubleshooting section of the API Link document.
 */
export const linkRefusals = {
  malformed:
    'The userToken is not a JWT in compact form (three base64url segments). Pass the token unchanged in the URL, and encode it as one query parameter.',
  parked_expired:
    'The link came by a form of another site and was not followed within 60 seconds, or was already forgotten. Send the browser here again with a fresh link.',
  algorithm: 'The token is signed with another algorithm. Sign with HS256, the default of jsonwebtoken.',
  header: 'The token header may carry alg, typ and kid only. Remove the other members.',
  signature:
    "The signature does not match. Check that the token is signed with this client's current clientSecret as raw text, and that nothing changed it on the way.",
  unknown_client: 'The clientId is not known here. Compare it with the one in your API configuration.',
  unknown_key: 'The kid names no link secret that verifies now. Sign with the current secret, or leave kid out.',
  secret_rotated: 'The link secret that signed this token was rotated out or deleted. Sign with the current one.',
  no_secret: 'The client has no link secret that verifies now. Create one.',
  claims:
    'A claim is malformed. userId is required (1 to 128 characters); email, locale and username must be well formed.',
  expired: 'The token has expired. Sign a fresh one for each hand-off, and check the clock of your server.',
  not_yet_valid: 'The token is from the future (iat or nbf). Check the clock of your server.',
  no_expiry: 'The token has neither exp nor iat. Set exp; one hour is typical.',
  lifetime: "The token lives longer than the client's linkMaxAgeSeconds allows. Set an earlier exp.",
  replayed: 'This link has signed in once already, in another browser. Make a new link for each hand-off.',
  suspended: 'The client or the user is suspended. Restore it to let its users in.',
  erased: 'The user was erased after this link was made. Make a new link if the user is to exist again.',
  email_conflict: 'The e-mail belongs to another user, and this client refuses such links (emailConflict: reject).',
  changed: 'The account was changed, merged or suspended while this sign-in was under way. Try again.',
} as const;

export type LinkRefusal = keyof typeof linkRefusals;

/** Why the code of a landing, a one-time token or a custom token was refused. */
export const claimRefusals = {
  malformed: 'This is no code or token of ours. Pass it on unchanged.',
  unknown:
    'No such code or token waits: it was claimed already, or its life (a minute, unless set) is over. Claim it at once.',
  purpose: 'It was made for something else.',
  expired: 'Its life is over. Claim it at once.',
  claimer: 'Claim a code from the origin it landed on, or with a private key of its client that has sessions.write.',
  spent: 'Somebody else claimed it at this very moment.',
  replayed: 'It has opened a session already.',
  parent_ended: 'The session it hangs on ended before it was claimed.',
  changed: 'The account was changed, merged or suspended meanwhile. Sign in again.',
  suspended: 'The client is suspended.',
  wrong:
    'No live secret of this user is that one: mistyped, used, replaced by a newer one, or expired. Make a new one with POST /v1/users/:userId/tokens.',
  locked:
    'Too many wrong secrets: this one, the user, or the client may not be guessed at for now. docs/protocols/custom-token.md has the budgets; POST /v1/admin/clients/:clientId/users/:userId/unlock ends the lock of a user.',
} as const;

export type ClaimRefusal = keyof typeof claimRefusals;

/** Why an anonymous account was not merged; the sign-in went on without it. */
export const mergeRefusals = {
  unknown: 'anonymousAccountId names no anonymous account of this client. Pass it as POST /v1/anonymous answered it.',
  expired: 'Anonymous accounts end after 30 days. Start a new one.',
  merged_elsewhere: 'The anonymous account was merged into another user; that is done once, for ever.',
  suspended: 'The anonymous account is suspended.',
} as const;

export type MergeRefusal = keyof typeof mergeRefusals;

/** Why a password, or the second factor beside it, was refused. */
export const passwordRefusals = {
  unknown: 'Nobody at this client has this e-mail and a password.',
  wrong: 'The password is not the one of this user.',
  totp_wrong: 'The one-time password is wrong, too old, or was used before. Check the clock of the device.',
  locked:
    'Too many failures. Wait an hour; after a hundred in a row POST /v1/admin/clients/:clientId/users/:userId/unlock ends the lock.',
  suspended: 'The user is suspended. Restore it to let it in.',
} as const;

export type PasswordRefusal = keyof typeof passwordRefusals;

/** Why a refresh token was refused. One that was used before ends its chain, which `session.reuse_detected` tells. */
export const refreshRefusals = {
  malformed: 'This is no refresh token of ours. Send the one of the last answer unchanged.',
  unknown: 'No such session: it ended more than a week ago. Sign in again.',
  ended:
    'The session has ended: it was closed or is over, or its user, key or client was changed or suspended. Sign in again.',
  ahead: 'The token is newer than its session, as after a backup was restored. Sign in again.',
  other_protocol: 'The token was given out by another protocol. Refresh it there.',
  other_app: 'The token was given to another client_id. Send the one the session began with.',
} as const;

export type RefreshRefusal = keyof typeof refreshRefusals;

const adviceByType: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'link.refused': linkRefusals,
  'token.claim_failed': claimRefusals,
  'user.merge_refused': mergeRefusals,
  'password.refused': passwordRefusals,
  'session.refresh_refused': refreshRefusals,
};

/** What an integrator can do about a refusal, by the type and the reason of its fact. */
export function adviceOn(type: string, reason: string): string | undefined {
  const known = adviceByType[type];
  return known && Object.hasOwn(known, reason) ? known[reason] : undefined;
}
