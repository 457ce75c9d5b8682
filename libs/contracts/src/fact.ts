import { z } from 'zod';
import { type LinkRefusal, linkRefusals } from './refusal.js';
import { protocol } from './session.js';

const reason = z.enum(Object.keys(linkRefusals) as [LinkRefusal, ...LinkRefusal[]]);
const id = z.string();
const fields = z.array(z.string());
const purpose = z.enum(['landing']);
/** Sessions and tokens of this subject from before it are void. */
const leastEpoch = z.int();
const session = { sessionId: id, userId: id, protocol };

/**
 * Every fact Segue states, past tense, by type. Bodies carry ids and the *names* of changed fields, never an e-mail,
 * name, address, handle or secret, so that erasure and an append-only audit agree (state.md, "Facts").
 */
export const facts = {
  'link.accepted': z.strictObject({
    support: id,
    userId: id,
    sessionId: id,
    secretId: id,
    callback: z.enum(['none', 'taken', 'refused']),
    address: z.string(),
  }),
  /** Beyond 600 a minute from one address a row counts: then `supports` lists the support ids it stands for. */
  'link.refused': z.strictObject({
    support: id,
    reason,
    address: z.string(),
    userId: id.optional(),
    count: z.int().optional(),
    supports: z.array(id).optional(),
  }),

  'user.created': z.strictObject({ userId: id, fields }),
  'user.updated': z.strictObject({ userId: id, fields }),
  'user.email_contested': z.strictObject({ userId: id, support: id.optional() }),
  /**
   * Whatever belongs to `from` belongs to `into` from now on; equal where an anonymous account became the new user.
   * `epoch` is that of `from`; the subject is `from`, too.
   */
  'user.merged': z.strictObject({ from: id, into: id, epoch: leastEpoch }),
  /** The sign-in went on without it. */
  'user.merge_refused': z.strictObject({
    userId: id,
    support: id,
    reason: z.enum(['unknown', 'merged_elsewhere', 'expired', 'suspended']),
  }),
  'user.suspended': z.strictObject({ userId: id, epoch: leastEpoch }),
  'user.restored': z.strictObject({ userId: id }),
  /** Delete what you hold of this user. */
  'user.erased': z.strictObject({ userId: id, epoch: leastEpoch }),

  'token.offered': z.strictObject({ tokenId: id, userId: id, purpose }),
  'token.claimed': z.strictObject({ tokenId: id, userId: id, purpose }),
  'token.claim_failed': z.strictObject({
    purpose,
    reason: z.string(),
    address: z.string(),
    support: id,
    count: z.int().optional(),
    supports: z.array(id).optional(),
  }),

  'session.opened': z.strictObject({ ...session, expiresAt: z.string() }),
  'session.refreshed': z.strictObject({ ...session, generation: z.int() }),
  'session.reuse_detected': z.strictObject({ ...session, generation: z.int(), address: z.string() }),
  'session.closed': z.strictObject({
    ...session,
    reason: z.enum(['signed_out', 'admin', 'revoked', 'reuse_detected', 'replaced']),
  }),

  'client.created': z.strictObject({ fields }),
  'client.updated': z.strictObject({ fields }),
  'client.suspended': z.strictObject({ epoch: leastEpoch }),
  'client.restored': z.strictObject({}),
  'link_secret.created': z.strictObject({ secretId: id }),
  'link_secret.revoked': z.strictObject({ secretId: id }),
  /** Of Segue itself, so its client is `_`. */
  'signing_key.rotated': z.strictObject({ kid: id, successor: id }),
  'key.created': z.strictObject({ keyId: id, kind: z.enum(['private', 'public']) }),
  'key.rotated': z.strictObject({ keyId: id, successor: id }),
  'key.deleted': z.strictObject({ keyId: id, epoch: leastEpoch }),
  'key.refused': z.strictObject({ reason: z.string(), address: z.string(), count: z.int().optional() }),

  /** The gateway's own refusals (limits, hosts, admin key), counted once a second per client, route, reason, address. */
  'request.denied': z.strictObject({ route: z.string(), reason: z.string(), address: z.string(), count: z.int() }),
} as const;

export type FactType = keyof typeof facts;
export type FactBody<T extends FactType> = z.infer<(typeof facts)[T]>;

/** A fact as it stands in an outbox and travels as a CloudEvent 1.0 (`ce-*` headers, JSON body). */
export interface Fact<T extends FactType = FactType> {
  /** `ce-id` and `Nats-Msg-Id`. */
  readonly id: string;
  readonly type: T;
  /** `_` where the client is unknown. */
  readonly clientId: string;
  /** `ce-subject`: the thing whose facts keep their order, e.g. `user/<id>`. */
  readonly subject: string;
  /** ISO 8601. */
  readonly at: string;
  readonly traceparent: string | null;
  readonly body: FactBody<T>;
}

/** What a service writes into its outbox; id and time are given by the database. */
export type NewFact<T extends FactType = FactType> = {
  [K in T]: Pick<Fact<K>, 'type' | 'clientId' | 'subject' | 'body'>;
}[T];

/** The stream subject of a fact: `segue.facts.v1.<clientId>.<noun>.<verb>`. */
export function factSubject(fact: Pick<Fact, 'clientId' | 'type'>): string {
  return `segue.facts.v1.${fact.clientId}.${fact.type}`;
}
