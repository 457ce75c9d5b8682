import type { UserView } from '#contracts/identity';
import type { Email } from '#contracts/person';

/** A person of one client. */
export interface User {
  readonly clientId: string;
  readonly userId: string;
  /** The client's own id of the person, compared byte for byte; `null` where it has given none. */
  readonly externalId: string | null;
  readonly email: string;
  /** `null`: the e-mail is a placeholder. */
  readonly emailKey: string | null;
  readonly username: string;
  readonly locale: string;
  readonly status: 'active' | 'suspended';
  readonly epoch: number;
  /** Seconds; of the newest link whose claims were taken. */
  readonly claimsAsOf: number;
  /** The hashes of the links of that second whose claims were taken. */
  readonly takenLinks: readonly string[];
  readonly createdAt: Date;
}

/** What somebody says a user is; absent leaves what is stored (S-34). */
export interface Claims {
  readonly email?: Email | undefined;
  readonly username?: string | undefined;
  readonly locale?: string | undefined;
}

/** Which link says it: replays and latecomers are told by it (state.md, "A link"). */
export interface LinkOrder {
  /** Seconds. */
  readonly asOf: number;
  readonly hash: string;
}

/** A link that says who arrives. */
export interface Arrival extends Claims, LinkOrder {
  readonly clientId: string;
  readonly externalId: string;
}

export const defaults = { username: 'anonymous', locale: 'en' } as const;

/**
 * More links of one second than this are let in, but their claims are not taken: the list of hashes has to end
 * somewhere, and a hash that fell out of it could be replayed.
 */
export const mostLinksOfASecond = 1000;

/** Whether a link may change the user: newer than all before, or of the same second and not among those taken. */
export function isNews({ asOf, hash }: LinkOrder, user: Pick<User, 'claimsAsOf' | 'takenLinks'>): boolean {
  if (asOf !== user.claimsAsOf) return asOf > user.claimsAsOf;
  return !user.takenLinks.includes(hash) && user.takenLinks.length < mostLinksOfASecond;
}

/** The hashes to remember once this link's claims are taken. */
export function takenLinksAfter({ asOf, hash }: LinkOrder, user: Pick<User, 'claimsAsOf' | 'takenLinks'>): string[] {
  return asOf === user.claimsAsOf ? [...user.takenLinks, hash] : [hash];
}

type Field = 'externalId' | 'email' | 'username' | 'locale';

/** The names of the fields a new user was given; facts carry names, never values. */
export function givenFields(given: Claims & { externalId?: string | null | undefined }): Field[] {
  const fields: Field[] = ['externalId', 'email', 'username', 'locale'];
  return fields.filter((field) => (given[field] ?? undefined) !== undefined);
}

type Told = Pick<User, Field>;

/** The names of the fields in which a user is told apart from what it was. */
export function changedFields(before: Told, after: Told): Field[] {
  const fields: Field[] = ['externalId', 'email', 'username', 'locale'];
  return fields.filter((field) => before[field] !== after[field]);
}

/** A user once claims are taken. */
export function taking(user: User, { email, username, locale }: Claims): User {
  return {
    ...user,
    email: email?.address ?? user.email,
    emailKey: email?.key ?? user.emailKey,
    username: username ?? user.username,
    locale: locale ?? user.locale,
  };
}

/** What an administrator changes; absent leaves, `null` returns to the default (RFC 7396). */
export interface Patch {
  readonly externalId?: string | undefined;
  readonly email?: Email | null | undefined;
  readonly username?: string | null | undefined;
  readonly locale?: string | null | undefined;
  /** A PHC string: the user has another password from now on, or none. */
  readonly passwordHash?: string | null | undefined;
}

/** @param placeholder taken where the user gives up an e-mail */
export function patched(user: User, { externalId, email, username, locale }: Patch, placeholder: string): User {
  const bereft = email === null && user.emailKey !== null;
  return {
    ...user,
    externalId: externalId ?? user.externalId,
    email: bereft ? placeholder : (email?.address ?? user.email),
    emailKey: email === null ? null : (email?.key ?? user.emailKey),
    username: username === null ? defaults.username : (username ?? user.username),
    locale: locale === null ? defaults.locale : (locale ?? user.locale),
  };
}

/** How an owner is written in the table of e-mails: known before any read, and never the same for two users. */
export function ownerName({ externalId, userId }: Pick<User, 'externalId' | 'userId'>): string {
  return externalId === null ? `user:${userId}` : `external:${externalId}`;
}

export function userView(user: User): UserView {
  return {
    userId: user.userId,
    externalId: user.externalId,
    email: user.email,
    emailIsPlaceholder: user.emailKey === null,
    username: user.username,
    locale: user.locale,
    status: user.status,
    createdAt: user.createdAt.toISOString(),
  };
}
