import type { LinkRefusal } from '#contracts/refusal';
import type { Arrival, User } from '../domain/identity.js';

/** What a statement writes besides what was said, should there be no such user yet. */
export interface Proposal {
  readonly userId: string;
  /** For a user who has no e-mail, or may not bear the one that was claimed. */
  readonly placeholder: string;
}

/** An arrival on its way into the store. */
export interface Arriving extends Arrival {
  readonly proposal: Proposal;
  /** SHA-256 of the handle of the anonymous account that the link names; `null` = it names none. */
  readonly handle: Buffer | null;
  readonly emailConflict: 'keep-owner' | 'reject';
  readonly support: string;
  readonly traceparent: string | null;
}

export interface Arrived {
  readonly user: User;
  /** Not when an anonymous account became the user: that one was here before. */
  readonly created: boolean;
  readonly merge: Merge;
}

/** What became of the anonymous account; `null` = the link named none. */
export type Merge = 'became' | 'absorbed' | 'repeated' | 'refused' | null;

/** A link that is not let in, and has changed nothing. */
export class LinkRefused extends Error {
  constructor(
    readonly reason: Extract<LinkRefusal, 'erased' | 'email_conflict'>,
    readonly userId?: string,
  ) {
    super(reason);
  }
}

const columns = [
  'client_id',
  'user_id',
  'external_id',
  'email',
  'email_key',
  'username',
  'locale',
  'status',
  'epoch',
  'claims_as_of',
  'taken_links',
  'created_at',
];

/** Those who are somebody: neither absorbed by another nor erased. */
export const living = `('active', 'suspended')`;

/** @param row an alias of `users`, or of something with its columns */
export const userColumns = (row: string) => columns.map((column) => `${row}.${column}`).join(', ');

export interface UserRow {
  readonly client_id: string;
  readonly user_id: string;
  readonly external_id: string | null;
  readonly email: string;
  readonly email_key: string | null;
  readonly username: string;
  readonly locale: string;
  readonly status: User['status'];
  readonly epoch: number;
  /** A bigint, as pg gives it. */
  readonly claims_as_of: string;
  readonly taken_links: string[];
  readonly created_at: Date;
}

export const userOf = (row: UserRow): User => ({
  clientId: row.client_id,
  userId: row.user_id,
  externalId: row.external_id,
  email: row.email,
  emailKey: row.email_key,
  username: row.username,
  locale: row.locale,
  status: row.status,
  epoch: row.epoch,
  claimsAsOf: Number(row.claims_as_of),
  takenLinks: row.taken_links,
  createdAt: row.created_at,
});
