import { z } from 'zod';
import { attempt, clientId, instant, numericDate, sessionId, userId } from './ids.js';
import { service } from './service.js';
import { scopes } from './token.js';

export const protocol = z.enum(['api-link', 'anonymous', 'client-auth', 'custom-token', 'one-time', 'claim']);

export const sessionView = z.strictObject({
  sessionId,
  clientId,
  /** The userId, or `key_<id>` for a session of protocol 002. */
  subject: z.string(),
  protocol,
  scopes,
  createdAt: instant,
  /** When its user was last asked who they are: that of the parent, for a session that hangs on one (S-71). */
  authenticatedAt: instant,
  /** The absolute end; no refresh moves it (S-89). */
  expiresAt: instant,
});
export type SessionView = z.infer<typeof sessionView>;

const subject = z.string().min(1).max(128);
const closing = z.enum(['signed_out', 'admin', 'revoked']);

/** What continues: sessions, their refresh chains, their end. */
export const session = service('session', {
  /**
   * Opens a session, once per `origin`. The gateway chooses the id, so an `open` repeated after a lost answer meets its
   * own id and answers as opened; `repeat` when `presented` is the cookie of the very session that origin opened.
   * The live session that `presented` names, whoever's it is, is closed with all that hang on it when the new one opens
   * (`replaced`, S-26), unless the new one hangs on it; with `switchUser: 'confirm'` and another subject that is not
   * anonymous, nothing is opened, the origin stays unspent, and the answer is `switch` (S-25).
   */
  open: {
    request: z
      .strictObject({
        sessionId,
        clientId,
        subject,
        /** The epoch the subject had when it was checked. */
        epoch: z.int(),
        /** The epoch the client had then; absent = whatever it is when the session opens. */
        clientEpoch: z.int().optional(),
        protocol,
        origin: z.string().max(256).nullable(),
        /** Seconds; when the origin may be forgotten: the end of the credential that opened, plus leeway and 24 h. */
        originUntil: numericDate.nullable(),
        /** The session cookie the browser came with. */
        presented: z.string().max(256).optional(),
        switchUser: z.enum(['confirm', 'replace']).default('replace'),
        /** A child: it dies with this session, and never outlives or outranks it (state.md, "A one-time token"). */
        parentId: sessionId.optional(),
        lifetimeSeconds: z.int().min(1).max(31_622_400),
        scopes: scopes.default([]),
        /**
         * Who alone may refresh it (the `client_id` of protocol 004); kept as its SHA-256. Not `named`, it is who the user
         * is, and need not be repeated.
         */
        app: z.strictObject({ id: z.string().min(1).max(512), named: z.boolean() }).optional(),
        /**
         * So many live sessions of this protocol a subject keeps, this one among them: the oldest are closed
         * (`crowded_out`). Not for a child, which would be crowded out with its parent.
         */
        mostPerSubject: z.int().min(1).max(100).optional(),
        /** Which credential the answer carries. */
        credential: z.enum(['cookie', 'refresh']),
        /** What the audit trail should know of a link: which secret signed it, and whether its callbackPath was refused. */
        link: z.strictObject({ secretId: z.string(), callback: z.enum(['none', 'taken', 'refused']) }).optional(),
        attempt,
      })
      .refine(({ origin, originUntil }) => (origin === null) === (originUntil === null), { path: ['originUntil'] })
      .refine(({ mostPerSubject, parentId }) => mostPerSubject === undefined || parentId === undefined, {
        path: ['mostPerSubject'],
      })
      .refine(({ protocol, link }) => (protocol === 'api-link') === (link !== undefined), { path: ['link'] }),
    reply: z.strictObject({
      outcome: z.enum(['opened', 'repeat', 'switch']),
      /** Under `switch`: the session that is open already. */
      session: sessionView,
      /** A `segue_ss_…` cookie value or a `segue_rt_…` refresh token; empty under `switch`. */
      credential: z.string(),
    }),
    faults: ['origin.spent', 'epoch.stale', 'parent.ended'],
  },

  /** The live session a cookie, an id, or the newest refresh token of its chain names, else `null`. Nothing is spent. */
  read: {
    request: z.union([
      z.strictObject({ cookie: z.string().max(256) }),
      z.strictObject({ clientId, sessionId }),
      z.strictObject({ refreshToken: z.string().max(256) }),
    ]),
    reply: sessionView.nullable(),
    faults: [],
  },

  /**
   * One unconditional statement judges every case (state.md, "A session and its refresh chain"): the current token
   * rotates, its predecessor within 10 s gets the identical successor, an older one ends the chain. A token of another
   * protocol than the door it comes by, or of another app, is refused and leaves the chain alone.
   */
  refresh: {
    request: z.strictObject({
      refreshToken: z.string().max(256),
      /** Whose chains this door takes further. */
      protocols: z.array(protocol).min(1),
      /** Who asks (the `client_id` of protocol 004). */
      app: z.string().min(1).max(512).optional(),
      attempt,
    }),
    reply: z.strictObject({ session: sessionView, refreshToken: z.string(), outcome: z.enum(['rotated', 'repeated']) }),
    faults: ['refresh.refused'],
  },

  /**
   * Ends one session (of `subject`, when given), or all of a subject's, and whatever hangs on them. Ending what has ended
   * is no fault. Any refresh token of the chain names its session, a superseded one too (RFC 7009).
   */
  close: {
    request: z.union([
      z.strictObject({ clientId, refreshToken: z.string().max(256), reason: closing }),
      z.strictObject({ clientId, sessionId, subject: subject.optional(), reason: closing }),
      z.strictObject({ clientId, subject, reason: closing }),
    ]),
    reply: z.strictObject({ closed: z.int() }),
    faults: [],
  },

  /** The live sessions of a user, newest first. */
  list: {
    request: z.strictObject({ clientId, userId }),
    reply: z.strictObject({ items: z.array(sessionView) }),
    faults: [],
  },

  /** What access tokens that still live must not be accepted for: a page of the revocation set (state.md). */
  snapshot: {
    request: z.strictObject({ cursor: z.string().max(256).optional() }),
    reply: z.strictObject({
      sessions: z.array(z.strictObject({ sessionId, until: numericDate })),
      epochs: z.array(z.strictObject({ clientId, subject: z.string(), least: z.int(), until: numericDate })),
      nextCursor: z.string().nullable(),
    }),
    faults: ['cursor.invalid'],
  },
});
