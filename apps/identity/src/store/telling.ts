import type { NewFact } from '#contracts/fact';
import type { MergeRefusal } from '#contracts/refusal';
import type { User } from '../domain/identity.js';

type Named = Pick<User, 'clientId' | 'userId'>;

const about = ({ clientId, userId }: Named) => ({ clientId, subject: `user/${userId}` });

export function created(user: Named, fields: string[]): NewFact {
  return { type: 'user.created', ...about(user), body: { userId: user.userId, fields } };
}

/** @returns none where nothing changed */
export function updated(user: Named, fields: string[]): NewFact[] {
  if (fields.length === 0) return [];
  return [{ type: 'user.updated', ...about(user), body: { userId: user.userId, fields } }];
}

export function contested(user: Named, support: string): NewFact {
  return { type: 'user.email_contested', ...about(user), body: { userId: user.userId, support } };
}

/** In the line of the anonymous account: it comes after its creation. */
export function merged(from: Named & { readonly epoch: number }, into: string): NewFact {
  return { type: 'user.merged', ...about(from), body: { from: from.userId, into, epoch: from.epoch } };
}

export function mergeRefused(user: Named, support: string, reason: MergeRefusal): NewFact {
  return { type: 'user.merge_refused', ...about(user), body: { userId: user.userId, support, reason } };
}

export function suspended({ userId, epoch, ...user }: User): NewFact {
  return { type: 'user.suspended', ...about({ ...user, userId }), body: { userId, epoch } };
}

export function passwordChanged({ userId, epoch, ...user }: User, change: 'set' | 'removed'): NewFact {
  return { type: 'user.password_changed', ...about({ ...user, userId }), body: { userId, epoch, change } };
}

export function restored(user: Named): NewFact {
  return { type: 'user.restored', ...about(user), body: { userId: user.userId } };
}

export function unlocked(user: Named): NewFact {
  return { type: 'user.unlocked', ...about(user), body: { userId: user.userId } };
}

export function erased(user: Named, epoch: number): NewFact {
  return { type: 'user.erased', ...about(user), body: { userId: user.userId, epoch } };
}
