import type { z } from 'zod';
import type { UserView } from '#contracts/identity';
import type { SessionView } from '#contracts/session';
import { type sessionModel, unkeptOfSessions, type userModel } from './custom-token.schema.js';

/** What identity calls a user who has no name yet. */
const nameless = 'anonymous';

/** The id a user has for the family: their client's own; ours where there is none. */
export function idOf({ externalId, userId }: Pick<UserView, 'externalId' | 'userId'>): string {
  return externalId ?? userId;
}

export function toUser(user: UserView): z.output<typeof userModel> {
  const { createdAt, username, status, email, emailIsPlaceholder } = user;
  return {
    $id: idOf(user),
    $createdAt: createdAt,
    $updatedAt: createdAt,
    name: username === nameless ? '' : username,
    registration: createdAt,
    status: status === 'active',
    labels: [],
    passwordUpdate: '',
    email: emailIsPlaceholder ? '' : email,
    phone: '',
    emailVerification: false,
    phoneVerification: false,
    mfa: false,
    prefs: {},
    targets: [],
    accessedAt: '',
  };
}

/** @param given whose session it is for the family, whether the caller speaks by it, and what carries it on */
export function toSession(
  { sessionId, createdAt, expiresAt }: Pick<SessionView, 'sessionId' | 'createdAt' | 'expiresAt'>,
  { userId, current, secret = '' }: { readonly userId: string; readonly current: boolean; readonly secret?: string },
): z.output<typeof sessionModel> {
  return {
    ...unkeptOfSessions,
    $id: sessionId,
    $createdAt: createdAt,
    $updatedAt: createdAt,
    userId,
    expire: expiresAt,
    provider: 'token',
    current,
    factors: ['token'],
    secret,
  };
}
