import type { LinkRefusal } from '#contracts/refusal';
import type { CompactJwt } from './compact-jwt.js';

interface Key {
  readonly secretId: string;
  verifiesAt(nowMs: number): boolean;
  signed(jwt: CompactJwt): boolean;
}

type SignerRefusal = Extract<LinkRefusal, 'no_secret' | 'unknown_key' | 'signature' | 'secret_rotated'>;

/**
 * Which of a client's link secrets signed a token. `kid` must match when present; without it every verifying secret is
 * tried, always all of them, so that the time does not tell which one signed. Ended ones only name the refusal.
 */
export function findSigner<K extends Key>(keys: readonly K[], jwt: CompactJwt, nowMs: number): K | SignerRefusal {
  const verifying = keys.filter((key) => key.verifiesAt(nowMs));
  const tried = verifying.filter((key) => jwt.kid === undefined || key.secretId === jwt.kid);
  const [signer] = tried.filter((key) => key.signed(jwt));
  if (signer) return signer;

  if (verifying.length === 0) return 'no_secret';
  const ended = keys.filter((key) => !verifying.includes(key) && (jwt.kid ?? key.secretId) === key.secretId);
  if (ended.some((key) => key.signed(jwt))) return 'secret_rotated';
  return tried.length + ended.length > 0 ? 'signature' : 'unknown_key';
}
