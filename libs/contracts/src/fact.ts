import { z } from 'zod';
import { claimRefusals, linkRefusals, mergeRefusals, passwordRefusals, refreshRefusals } from './refusal.js';
import { protocol } from './session.js';

const oneOf = <Reason extends string>(reasons: Readonly<Record<Reason, string>>) =>
  z.enum(Object.keys(reasons) as [Reason, ...Reason[]]);
const id = z.string();
const fields = z.array(z.string());
const purpose = z.enum(['landing', 'one-time', 'custom-token']);
/** Sessions and tokens of this subject from before it are void. */
const leastEpoch = z.int();
const counted =
  'Beyond 600 a minute from one address a fact stands for `count` of them, and `supports` lists their support ids.';
const session = { sessionId: id, userId: id, protocol };

/**
 * Every fact Segue states, past tense, by type. Bodies carry ids and the *names* of changed fields, never an e-mail,
 * name, address, handle or secret, so that erasure and an append-only audit agree (state.md, "Facts").
 */
export const facts = {
  'link.accepted': z
    .strictObject({
      support: id,
      userId: id,
      sessionId: id,
      secretId: id,
      callback: z.enum(['none', 'taken', 'refused']),
      address: z.string(),
    })
    .describe('A link signed a user in.'),
  'link.refused': z
    .strictObject({
      support: id,
      reason: oneOf(linkRefusals),
      address: z.string(),
      userId: id.optional(),
      count: z.int().optional(),
      supports: z.array(id).optional(),
    })
    .describe(`A link was refused, for a reason its sender is not told. ${counted}`),

  'user.created': z
    .strictObject({ userId: id, fields })
    .describe('A user exists, anonymous ones included; `fields` names what is known.'),
  'user.updated': z.strictObject({ userId: id, fields }).describe('What `fields` names changed.'),
  'user.email_contested': z
    .strictObject({ userId: id, support: id.optional() })
    .describe("The e-mail a link gave belongs to another user of the client; nobody's e-mail changed."),
  'user.merged': z
    .strictObject({ from: id, into: id, epoch: leastEpoch })
    .describe(
      'Whatever belongs to `from` belongs to `into` from now on; equal where an anonymous account became the new user. The subject and `epoch` are those of `from`.',
    ),
  'user.merge_refused': z
    .strictObject({
      userId: id,
      support: id,
      reason: oneOf(mergeRefusals),
    })
    .describe('An anonymous account was not merged into this user; the sign-in went on without it.'),
  'user.suspended': z
    .strictObject({ userId: id, epoch: leastEpoch })
    .describe('The user may not sign in; every session has ended.'),
  'user.password_changed': z
    .strictObject({ userId: id, epoch: leastEpoch, change: z.enum(['set', 'removed']) })
    .describe("The user's password changed; every session has ended."),
  'user.unlocked': z
    .strictObject({ userId: id })
    .describe('An administrator lets the password and the short secrets of the user be tried again.'),
  'user.restored': z.strictObject({ userId: id }).describe('The user may sign in again.'),
  'user.erased': z.strictObject({ userId: id, epoch: leastEpoch }).describe('Delete what you hold of this user.'),

  'password.refused': z
    .strictObject({
      support: id,
      reason: oneOf(passwordRefusals),
      address: z.string(),
      userId: id.optional(),
      count: z.int().optional(),
      supports: z.array(id).optional(),
    })
    .describe(`A password, or the second factor beside it, was refused. ${counted}`),

  'token.issued': z
    .strictObject({ tokenId: id, kind: z.enum(['sdk', 'media', 'account']), subject: id, expiresAt: z.string() })
    .describe('A JWT was signed that is of no session of its own; `tokenId` is its `jti`.'),
  'token.locked': z
    .strictObject({
      tokenId: id.optional(),
      userId: id.optional(),
      scope: z.enum(['token', 'user', 'client']),
      until: z.string().optional(),
    })
    .describe(
      'Short secrets were guessed at too often: this one is void, or those of the user, or of the client, are not taken before `until`; without it, not before an administrator unlocks them.',
    ),
  'token.offered': z
    .strictObject({ tokenId: id, userId: id, purpose })
    .describe('A one-time token was made for this user.'),
  'token.claimed': z.strictObject({ tokenId: id, userId: id, purpose }).describe('A one-time token was spent.'),
  'token.claim_failed': z
    .strictObject({
      purpose,
      reason: oneOf(claimRefusals),
      address: z.string(),
      support: id,
      count: z.int().optional(),
      supports: z.array(id).optional(),
    })
    .describe(`A one-time token was refused. ${counted}`),

  'session.opened': z.strictObject({ ...session, expiresAt: z.string() }).describe('A session began.'),
  'session.refreshed': z
    .strictObject({ ...session, generation: z.int() })
    .describe('A session goes on with new tokens.'),
  'session.refresh_refused': z
    .strictObject({
      support: id,
      reason: oneOf(refreshRefusals),
      address: z.string(),
      sessionId: id.optional(),
      count: z.int().optional(),
      supports: z.array(id).optional(),
    })
    .describe(`A refresh token was refused; whatever it goes on from was left alone. ${counted}`),
  'session.reuse_detected': z
    .strictObject({ ...session, generation: z.int(), address: z.string() })
    .describe('A refresh token that had been replaced came again, so the session was closed.'),
  'session.closed': z
    .strictObject({
      ...session,
      reason: z.enum(['signed_out', 'admin', 'revoked', 'reuse_detected', 'replaced', 'crowded_out']),
    })
    .describe('A session ended before its time.'),

  'client.created': z.strictObject({ fields }).describe('A client was registered.'),
  'client.updated': z.strictObject({ fields }).describe('What `fields` names changed.'),
  'client.suspended': z
    .strictObject({ epoch: leastEpoch })
    .describe('Nobody may sign in at the client; every session of its users has ended.'),
  'client.restored': z.strictObject({}).describe('Users of the client may sign in again.'),
  'link_secret.created': z.strictObject({ secretId: id }).describe('Links may be signed with one more secret.'),
  'link_secret.revoked': z.strictObject({ secretId: id }).describe('Links signed with this secret are refused.'),
  'signing_key.rotated': z
    .strictObject({ kid: id, successor: id })
    .describe('Segue signs its tokens with another key; its client is `_`, as the key is of Segue itself.'),
  'key.created': z
    .strictObject({ keyId: id, kind: z.enum(['private', 'public']) })
    .describe('The client has one more API key.'),
  'key.rotated': z.strictObject({ keyId: id, successor: id }).describe('An API key has a successor and ends soon.'),
  'key.deleted': z.strictObject({ keyId: id, epoch: leastEpoch }).describe('An API key and its tokens are void.'),
  'key.refused': z
    .strictObject({ reason: z.string(), address: z.string(), count: z.int().optional() })
    .describe('An API key was refused.'),

  'request.denied': z
    .strictObject({ route: z.string(), reason: z.string(), address: z.string(), count: z.int() })
    .describe('The gateway refused requests (limit, host, admin key), told once a second with their `count`.'),
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
