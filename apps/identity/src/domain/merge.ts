import type { MergeRefusal } from '#contracts/refusal';
import { defaults, type User } from './identity.js';

/** What the handle of a link names; `mergeable` only under a lock. */
export type Account =
  | { readonly state: 'mergeable'; readonly user: User }
  | { readonly state: 'merged'; readonly into: string }
  | { readonly state: 'unknown' | 'expired' | 'suspended' };

/**
 * Whether the account may be merged into the user a link names: an unmerged one, once, for ever (S-37). Outside, every
 * refusal looks like that of an unknown handle.
 *
 * @param userId `null`: a new user
 */
export function judgeMerge(account: Account, userId: string | null): 'mergeable' | 'repeated' | MergeRefusal {
  if (account.state !== 'merged') return account.state;
  return account.into === userId ? 'repeated' : 'merged_elsewhere';
}

/** The user with what it lacked and the account it absorbs had: a real e-mail, a username or a locale of its own. */
export function filled(user: User, account: User): User {
  const lacksEmail = user.emailKey === null && account.emailKey !== null;
  return {
    ...user,
    email: lacksEmail ? account.email : user.email,
    emailKey: lacksEmail ? account.emailKey : user.emailKey,
    username: user.username === defaults.username ? account.username : user.username,
    locale: user.locale === defaults.locale ? account.locale : user.locale,
  };
}
