import type { Attempt } from '#contracts/ids';
import type { Reply } from '#contracts/service';
import type { token } from '#contracts/token';
import { fenceOf } from '../http/after-the-take.js';

/** The session a one-time token opens, whichever door it came to: it hangs on the one the token was made in. */
export function childOf(claimed: Reply<typeof token.claim>, attempt: Attempt) {
  const { client, userId: subject, epoch, parentId } = claimed;
  if (epoch === null || parentId === null) throw new Error('a one-time token hangs on a session');
  const { clientId, epoch: clientEpoch, lifetimes } = client;
  const bound = { clientId, clientEpoch, subject, epoch, parentId, lifetimeSeconds: lifetimes.session, attempt };
  return { ...bound, protocol: 'one-time', ...fenceOf(claimed) } as const;
}
