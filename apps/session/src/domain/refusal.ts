import type { NewFact } from '#contracts/fact';
import type { Attempt } from '#contracts/ids';
import type { SessionView } from '#contracts/session';

interface Asked {
  readonly clientId: string;
  readonly subject: string;
  readonly protocol: SessionView['protocol'];
  readonly attempt: Attempt;
}

const reasons = { spent: 'replayed', stale: 'changed', orphaned: 'parent_ended' } as const;

/** What stands in the audit trail of a link or a landing code that was good but opened nothing. */
export function refused(
  { clientId, subject: userId, protocol, attempt: { support, address } }: Asked,
  outcome: keyof typeof reasons,
): NewFact<'link.refused' | 'token.claim_failed'> | null {
  const reason = reasons[outcome];
  if (protocol === 'claim') {
    const body = { purpose: 'landing' as const, reason, address, support };
    return { type: 'token.claim_failed', clientId, subject: `attempt/${support}`, body };
  }
  if (protocol !== 'api-link' || reason === 'parent_ended') return null;
  return { type: 'link.refused', clientId, subject: `link/${support}`, body: { support, reason, address, userId } };
}
