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
   */
  open: {
    request: z
      .strictObject({
        sessionId,
        clientId,
        subject,
        /** The epoch the subject had when it was checked. */
        epoch: z.int(),
        protocol,
        origin: z.string().max(256).nullable(),
        /** Seconds; when the origin may be forgotten: the end of the credential that opened, plus leeway and 24 h. */
        originUntil: numericDate.nullable(),
        /** The session cookie the browser came with. */
        presented: z.string().max(256).optional(),
        lifetimeSeconds: z.int().min(1).max(31_622_400),
        scopes: scopes.default([]),
        /** Which credential the answer carries. */
        credential: z.enum(['cookie', 'refresh']),
        /** What the audit trail should know of a link: which secret signed it, and whether its callbackPath was refused. */
        link: z.strictObject({ secretId: z.string(), callback: z.enum(['none', 'taken', 'refused']) }).optional(),
        attempt,
      })
      .refine(({ origin, originUntil }) => (origin === null) === (originUntil === null), { path: ['originUntil'] })
      .refine(({ protocol, link }) => (protocol === 'api-link') === (link !== undefined), { path: ['link'] }),
    reply: z.strictObject({
      outcome: z.enum(['opened', 'repeat']),
      session: sessionView,
      /** A `segue_ss_…` cookie value or a `segue_rt_…` refresh token. */
      credential: z.string(),
    }),
    faults: ['origin.spent', 'epoch.stale'],
  },

  /** The live session a cookie or an id names, else `null`. */
  read: {
    request: z.union([z.strictObject({ cookie: z.string().max(256) }), z.strictObject({ clientId, sessionId })]),
    reply: sessionView.nullable(),
    faults: [],
  },

  /**
   * One unconditional statement judges every case (state.md, "A session and its refresh chain"): the current token
   * rotates, its predecessor within 10 s gets the identical successor, an older one ends the chain.
   */
  refresh: {
    request: z.strictObject({ refreshToken: z.string().max(256), attempt }),
    reply: z.strictObject({ session: sessionView, refreshToken: z.string(), outcome: z.enum(['rotated', 'repeated']) }),
    faults: ['refresh.refused'],
  },

  /** Ends one session (of `subject`, when given), or all of a subject's. Ending what has ended is no fault. */
  close: {
    request: z.union([
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
});
