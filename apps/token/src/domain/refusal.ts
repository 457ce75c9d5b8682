import type { FactBody, NewFact } from '#contracts/fact';
import type { Attempt } from '#contracts/ids';
import type { ClaimRefusal, LinkRefusal } from '#contracts/refusal';
import type { Lock } from './guess-budget.js';

/** Why a key was refused; for the audit trail, never for an answer. */
export type KeyRefusal = 'malformed' | 'unknown_key' | 'secret' | 'deleted' | 'expired' | 'suspended';

/** Unknown clients are recorded under this name, without what the stranger called them. */
const nobody = '_';

/** @param known the client, or `null` when it is not one of ours */
export function linkRefused(
  known: string | null,
  reason: LinkRefusal,
  { support, address }: Attempt,
): NewFact<'link.refused'> {
  const subject = `link/${support}`;
  return { type: 'link.refused', clientId: known ?? nobody, subject, body: { support, reason, address } };
}

/** @param known the client, or `null` when it is not one of ours */
export function keyRefused(
  known: string | null,
  reason: KeyRefusal,
  { support, address }: Attempt,
): NewFact<'key.refused'> {
  const subject = `attempt/${support}`;
  return { type: 'key.refused', clientId: known ?? nobody, subject, body: { reason, address } };
}

/** @param known the client, or `null` when it is not one of ours */
export function claimFailed(
  known: string | null,
  purpose: FactBody<'token.claim_failed'>['purpose'],
  reason: ClaimRefusal,
  { support, address }: Attempt,
): NewFact<'token.claim_failed'> {
  const subject = `attempt/${support}`;
  const body = { purpose, reason, support, address };
  return { type: 'token.claim_failed', clientId: known ?? nobody, subject, body };
}

/** @param guessed the token that was guessed at, and whose it is */
export function tokenLocked(
  clientId: string,
  guessed: { tokenId: string; userId: string },
  { scope, until }: Lock,
): NewFact<'token.locked'> {
  const { tokenId, userId } = guessed;
  const about = {
    token: { subject: `token/${tokenId}`, ids: { tokenId, userId } },
    user: { subject: `user/${userId}`, ids: { userId } },
    client: { subject: `client/${clientId}`, ids: {} },
  }[scope];
  const body = { scope, ...about.ids, ...(until && { until: until.toISOString() }) };
  return { type: 'token.locked', clientId, subject: about.subject, body };
}
