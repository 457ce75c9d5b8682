import { type Fact, type FactBody, type FactType, facts } from '#contracts/fact';
import type { Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { longestAccessSeconds } from '#contracts/settings';
import type { token } from '#contracts/token';
import { Expiring } from './expiring.js';

/** The facts that end access tokens. */
export const revokingFacts = [
  'session.closed',
  'user.suspended',
  'user.erased',
  'user.merged',
  'user.password_changed',
  'key.deleted',
  'client.suspended',
  'client.restored',
] as const satisfies readonly FactType[];

/** What a JWT says of itself (`sid` and `epoch` are ours). */
export interface Revocable {
  readonly clientId: string;
  readonly subject: string;
  readonly sessionId: string | undefined;
  /** The epoch the subject had when the token was made; a token without one is older than any. */
  readonly epoch: number | undefined;
  /** Seconds. */
  readonly issuedAt: number;
}

interface Raised {
  readonly least: number;
  readonly until: number;
}

interface Suspension {
  readonly suspended: boolean;
  /**
   * Seconds: tokens that were made before stay void when the client is restored. Those of the very second are told apart
   * by their sessions, which end too.
   */
  readonly issuedBefore: number;
}

/**
 * Which access tokens must not be accepted although their signature is good. An entry lives as long as the last token it
 * could match; beyond `most` entries the set is full, and no longer knows everything. All times are in seconds since 1970.
 */
export class RevocationSet {
  /** By session id, and by the subject of a deleted key: until when. */
  readonly #ended = new Expiring<number>((until) => until);
  /** By client and subject. */
  readonly #raised = new Expiring<Raised>(({ until }) => until);
  readonly #clients = new Map<string, Suspension>();

  /** @param most so many take no more than 80 MiB of the heap, which deploy/kubernetes has room for */
  constructor(private readonly most = 500_000) {}

  get size(): number {
    return this.#ended.size + this.#raised.size + this.#clients.size;
  }

  get isFull(): boolean {
    return this.size > this.most;
  }

  refuses({ clientId, subject, sessionId, epoch, issuedAt }: Revocable): boolean {
    const client = this.#clients.get(clientId);
    if (client && (client.suspended || issuedAt < client.issuedBefore)) return true;
    if (sessionId !== undefined && this.#ended.get(sessionId) !== undefined) return true;
    if (this.#ended.get(subject) !== undefined) return true;
    const raised = this.#raised.size > 0 ? this.#raised.get(nameOf(clientId, subject)) : undefined;
    return raised !== undefined && (epoch === undefined || epoch < raised.least);
  }

  /** Takes a fact; one that is known, or old, changes nothing. @throws ZodError where it is not what its contract says */
  hear(fact: Fact): void {
    const at = Date.parse(fact.at) / 1000;
    const until = Math.ceil(at) + longestAccessSeconds;
    const { clientId } = fact;
    switch (fact.type) {
      case 'session.closed':
        this.#end(bodyOf(fact, fact.type).sessionId, until);
        break;
      case 'key.deleted':
        this.#end(keySubject(bodyOf(fact, fact.type).keyId), until);
        break;
      case 'user.merged': {
        const { from, epoch: least } = bodyOf(fact, fact.type);
        this.#raise(clientId, from, { least, until });
        break;
      }
      case 'user.suspended':
      case 'user.password_changed':
      case 'user.erased': {
        const { userId, epoch: least } = bodyOf(fact, fact.type);
        this.#raise(clientId, userId, { least, until });
        break;
      }
      case 'client.suspended':
        this.#clients.set(clientId, { suspended: true, issuedBefore: Math.floor(at) });
        break;
      case 'client.restored':
        this.#clients.set(clientId, { suspended: false, issuedBefore: this.#clients.get(clientId)?.issuedBefore ?? 0 });
        break;
    }
  }

  /** @param now to cut short what no token can need */
  takeSessions({ sessions, epochs }: Pick<Reply<typeof session.snapshot>, 'sessions' | 'epochs'>, now: number): void {
    const longest = now + longestAccessSeconds;
    for (const { sessionId, until } of sessions) this.#end(sessionId, Math.min(until, longest));
    for (const { clientId, subject, least, until } of epochs)
      this.#raise(clientId, subject, { least, until: Math.min(until, longest) });
  }

  takeKeys({ keys, clients }: Pick<Reply<typeof token.snapshot>, 'keys' | 'clients'>, now: number): void {
    for (const { keyId, until } of keys) this.#end(keySubject(keyId), Math.min(until, now + longestAccessSeconds));
    for (const { clientId, suspended } of clients) this.#clients.set(clientId, { suspended, issuedBefore: 0 });
  }

  /** Drops, a stretch at a time, what no token can match any more. */
  clear(now: number, most: number): void {
    this.#ended.clear(now, most);
    this.#raised.clear(now, most);
  }

  #end(name: string, until: number): void {
    this.#ended.set(name, Math.max(until, this.#ended.get(name) ?? 0));
  }

  #raise(clientId: string, subject: string, { least, until }: Raised): void {
    const name = nameOf(clientId, subject);
    const known = this.#raised.get(name);
    this.#raised.set(name, {
      least: Math.max(least, known?.least ?? least),
      until: Math.max(until, known?.until ?? until),
    });
  }
}

/** Joined, since a text that was put together with `+` is kept with a node of 32 bytes beside it. */
const nameOf = (clientId: string, subject: string) => [clientId, subject].join(' ');
const keySubject = (keyId: string) => `key_${keyId}`;

/** A newer service may say more than we know of. Kept: making a schema costs ten times what reading with it does. */
const bodies = new Map<FactType, { parse(body: unknown): unknown }>(
  revokingFacts.map((type) => [type, facts[type].strip()]),
);

function bodyOf<T extends (typeof revokingFacts)[number]>({ body }: Fact, type: T): FactBody<T> {
  return bodies.get(type)?.parse(body) as FactBody<T>;
}
