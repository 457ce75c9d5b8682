import { z } from 'zod';
import { attempt, clientId, externalId, instant, numericDate, page, text, userId } from './ids.js';
import { service } from './service.js';
import { linkClaims } from './token.js';

export const userView = z.strictObject({
  userId,
  externalId: externalId.nullable(),
  email: z.string(),
  /** A generated address under `.invalid`: nobody can sign in with it or receive mail there (S-33). */
  emailIsPlaceholder: z.boolean(),
  username: z.string(),
  locale: z.string(),
  status: z.enum(['active', 'suspended']),
  createdAt: instant,
});
export type UserView = z.infer<typeof userView>;

/** 8 to 256 characters, compared as they are (NIST SP 800-63B: length is what counts, and nothing is cut off). */
const password = text(256).refine((value) => [...value].length >= 8, { error: 'at least 8 characters' });

/** Who someone is. */
export const identity = service('identity', {
  /** Makes or updates the user a verified link names, in one round trip. A replay changes nothing (state.md, "A link"). */
  arrive: {
    request: z.strictObject({
      clientId,
      claims: linkClaims,
      /** Seconds; claims are taken only from a newer link, or from one of the same second with a new hash. */
      asOf: numericDate,
      hash: z.string(),
      /** What the client wants done with an e-mail that another of its users holds. */
      emailConflict: z.enum(['keep-owner', 'reject']),
      /** For what identity records of a link: a suspended user, a contested e-mail, a refused merge. */
      attempt,
    }),
    reply: z.strictObject({
      user: userView,
      /** Raised by suspension, merge, erasure; `session.open` refuses an answer that is already stale. */
      epoch: z.int(),
      created: z.boolean(),
      /**
       * What became of `claims.anonymousAccountId`: the new user *became* the anonymous account (same userId), an
       * existing one *absorbed* it, it was merged into this user before, or it was refused, which never blocks a
       * sign-in. `null` = the link named none.
       */
      merge: z.enum(['became', 'absorbed', 'repeated', 'refused']).nullable(),
    }),
    faults: ['account.suspended', 'link.refused'],
  },
  /** Makes an anonymous account. The handle is an unguessable secret (190 bit), shown once and kept hashed. */
  startAnonymous: {
    request: z.strictObject({ clientId, attempt }),
    reply: z.strictObject({ user: userView, epoch: z.int(), handle: z.string() }),
    faults: [],
  },
  /**
   * The user an id names: ours, or the client's own, byte for byte. The id of an absorbed anonymous account is an alias of
   * who absorbed it, for ever.
   */
  get: {
    request: z.union([
      z.strictObject({ clientId, userId }),
      z.strictObject({ clientId, externalId: z.string().max(256) }),
    ]),
    reply: z.strictObject({ user: userView, epoch: z.int() }).nullable(),
    faults: [],
  },
  /**
   * Who signs in with a password (argon2id) and, where the user has it, a second factor (TOTP, RFC 6238). `username` is
   * the e-mail, never a placeholder. Ten failures an hour and a hundred in a row are counted before anything is computed;
   * a TOTP step is accepted once. Unknown, wrong and locked are one and the same fault, in the same time.
   */
  checkPassword: {
    request: z.strictObject({
      clientId,
      username: z.string().max(254),
      password: z.string().max(1024),
      totp: z.string().max(32).optional(),
      attempt,
    }),
    reply: z.strictObject({ user: userView, epoch: z.int() }),
    faults: ['password.refused', 'totp.required', 'account.suspended'],
  },
});

/** Administration of users; served by identity (http-api.md, Admin). */
export const user = service('user', {
  create: {
    request: z.strictObject({
      clientId,
      externalId: externalId.optional(),
      email: z.string().max(254).optional(),
      username: text(128).optional(),
      locale: z.string().max(35).optional(),
      password: password.optional(),
    }),
    reply: userView,
    faults: ['user.already_exists', 'user.email_already_exists', 'request.invalid'],
  },
  list: {
    request: z.strictObject({
      clientId,
      externalId: externalId.optional(),
      email: z.string().max(254).optional(),
      ...page.shape,
    }),
    reply: z.strictObject({ items: z.array(userView), nextCursor: z.string().nullable() }),
    faults: ['cursor.invalid'],
  },
  /** A JSON Merge Patch (RFC 7396): `null` returns a member to its default (`email`: to a placeholder). */
  update: {
    request: z.strictObject({
      clientId,
      userId,
      externalId: externalId.optional(),
      email: z.string().max(254).nullable().optional(),
      username: text(128).nullable().optional(),
      locale: z.string().max(35).nullable().optional(),
      /** A new one ends what the user has open; `null` takes it away. */
      password: password.nullable().optional(),
    }),
    reply: userView,
    faults: ['user.missing', 'user.already_exists', 'user.email_already_exists', 'request.invalid'],
  },
  /** Ends what the user has open and refuses further sign-ins. Suspending twice is no fault. */
  suspend: { request: z.strictObject({ clientId, userId }), reply: userView, faults: ['user.missing'] },
  restore: { request: z.strictObject({ clientId, userId }), reply: userView, faults: ['user.missing'] },
  /** Gives the user a second factor; its secret (base32, RFC 6238) is shown in this answer only. Replaces the one before. */
  startTotp: {
    request: z.strictObject({ clientId, userId }),
    reply: z.strictObject({
      secret: z.string(),
      /** `otpauth://totp/…`, for a QR code. */
      uri: z.string(),
    }),
    faults: ['user.missing'],
  },
  /** Takes the second factor away; taking what is not there is no fault. */
  stopTotp: { request: z.strictObject({ clientId, userId }), reply: z.null(), faults: ['user.missing'] },
  /** Lets the user's password be tried again after a hundred failures in a row. */
  unlock: { request: z.strictObject({ clientId, userId }), reply: userView, faults: ['user.missing'] },
  /** Forgets the person: what remains names nobody. Links signed before are refused from now on. */
  erase: { request: z.strictObject({ clientId, userId }), reply: z.null(), faults: ['user.missing'] },
});
