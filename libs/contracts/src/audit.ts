import { z } from 'zod';
import { clientId, instant, page, supportId, traceId, userId } from './ids.js';
import { service } from './service.js';

const auditEntry = z.strictObject({
  /** The id of the fact (`ce-id`). */
  id: z.string(),
  /** Gapless per client. */
  seq: z.int(),
  type: z.string(),
  at: instant,
  clientId: z.string(),
  userId: z.string().optional(),
  support: z.string().optional(),
  /** Of the request that caused it, which all its log lines bear; none where no request did. */
  traceId: z.string().optional(),
  reason: z.string().optional(),
  /** What the integrator can do about a refusal. */
  advice: z.string().optional(),
  /** The body of the fact: ids and names of changed fields only. */
  body: z.record(z.string(), z.unknown()),
});

/** What happened; nobody tells audit anything, it hears every fact. */
export const audit = service('audit', {
  list: {
    request: z.strictObject({
      clientId: z.union([clientId, z.literal('_')]).optional(),
      type: z.string().max(64).optional(),
      userId: userId.optional(),
      support: supportId.optional(),
      traceId: traceId.optional(),
      ...page.shape,
    }),
    reply: z.strictObject({ items: z.array(auditEntry), nextCursor: z.string().nullable() }),
    faults: ['cursor.invalid'],
  },
  /**
   * Walks the hash chain of a client from its first entry (S-113), a stretch each time: go on with `nextCursor` until it
   * is `null`.
   */
  verify: {
    request: z.strictObject({
      clientId: z.union([clientId, z.literal('_')]),
      /** A `head` kept from an earlier answer: the chain must have it still, else it was cut or written anew. */
      head: z
        .string()
        .regex(/^[0-9a-f]{64}$/)
        .optional(),
      cursor: page.shape.cursor,
    }),
    reply: z.strictObject({
      /** What was walked so far holds; with `nextCursor: null` the whole chain does. */
      ok: z.boolean(),
      /** How many entries the chain has. */
      entries: z.int(),
      /** Hash of the newest entry, hex; keep it elsewhere to prove later that nothing was cut. */
      head: z.string().nullable(),
      /** The first `seq` at which the chain does not hold; `null` and not `ok`: it holds, but never had that `head`. */
      firstBroken: z.int().nullable(),
      nextCursor: z.string().nullable(),
    }),
    faults: ['cursor.invalid'],
  },
});
