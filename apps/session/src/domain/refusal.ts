import type { FactBody, NewFact } from '#contracts/fact';
import type { Attempt } from '#contracts/ids';
import type { RefreshRefusal } from '#contracts/refusal';
import type { SessionView } from '#contracts/session';
import type { RefreshLink } from './credential.js';

interface Asked {
  readonly clientId: string;
  readonly subject: string;
  readonly protocol: SessionView['protocol'];
  readonly origin: string | null;
  readonly attempt: Attempt;
}

const reasons = { spent: 'replayed', stale: 'changed', orphaned: 'parent_ended' } as const;

/** What a one-time token was spent for, by the protocol of the session it was to open. */
const purposes: { readonly [P in SessionView['protocol']]?: FactBody<'token.claim_failed'>['purpose'] } = {
  claim: 'landing',
  'one-time': 'one-time',
  'custom-token': 'custom-token',
};

/** What stands in the audit trail of a link or a one-time token that was good but opened nothing. */
export function openRefused(
  { clientId, subject: userId, protocol, origin, attempt: { support, address } }: Asked,
  outcome: keyof typeof reasons,
): NewFact<'link.refused' | 'token.claim_failed'> | null {
  const reason = reasons[outcome];
  // Without an origin there was no token: a password, say.
  const purpose = origin === null ? undefined : purposes[protocol];
  if (purpose) {
    const body = { purpose, reason, address, support };
    return { type: 'token.claim_failed', clientId, subject: `attempt/${support}`, body };
  }
  if (protocol !== 'api-link' || reason === 'parent_ended') return null;
  return { type: 'link.refused', clientId, subject: `link/${support}`, body: { support, reason, address, userId } };
}

/**
 * What stands in the audit trail of a refresh token that was refused.
 *
 * @param presented `null` for a text that is no token of ours: whose it claims to be is not known
 */
export function refreshRefused(
  presented: RefreshLink | null,
  reason: RefreshRefusal,
  { support, address }: Attempt,
): NewFact<'session.refresh_refused'> {
  const { clientId, sessionId } = presented ?? { clientId: '_' };
  const body = { support, reason, address, ...(sessionId !== undefined && { sessionId }) };
  // Not of the session: whoever floods with its tokens would hold up the fact that it was closed.
  return { type: 'session.refresh_refused', clientId, subject: `attempt/${support}`, body };
}
