import { Fault } from '#contracts/fault';
import type { Reply } from '#contracts/service';
import type { token } from '#contracts/token';

/** How long after a one-time token's end its fence is kept, in seconds: the leeway, and a day. */
const fenceSeconds = 30 + 86_400;

/** The second wall of single use: the session a one-time token opens names it, and no other session can. */
export function fenceOf({ tokenId, expiresAt }: Pick<Reply<typeof token.claim>, 'tokenId' | 'expiresAt'>) {
  return { origin: `ott:${tokenId}`, originUntil: expiresAt + fenceSeconds };
}

/** The token is gone, so whatever kept us from a session leaves it in doubt (state.md, "A one-time token"). */
export function afterTheTake(error: unknown): unknown {
  if (!(error instanceof Fault)) return error;
  if (error.entry.kind === 'unavailable') return new Fault('service.silent', { cause: error });
  return error.entry.kind === 'denied' && error.code !== 'account.suspended'
    ? new Fault('code.refused', { cause: error })
    : error;
}
