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
      /** For what identity records of a link: a suspended user, a contested e-mail. */
      attempt,
    }),
    reply: z.strictObject({
      user: userView,
      /** Raised by suspension, merge, erasure; `session.open` refuses an answer that is already stale. */
      epoch: z.int(),
      created: z.boolean(),
    }),
    faults: ['account.suspended'],
  },
  get: {
    request: z.strictObject({ clientId, userId }),
    reply: z.strictObject({ user: userView, epoch: z.int() }).nullable(),
    faults: [],
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
});
