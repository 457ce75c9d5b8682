import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import { longestAccessSeconds } from '#contracts/settings';
import type { token } from '#contracts/token';
import { fromRevocationCursor, toRevocationCursor } from './domain/cursor.js';
import { RevocationStore } from './store/revocation.store.js';

/** Far below what one message may carry. */
const perPage = 2000;

/**
 * The part of the revocation set that this service owns. Keys that were rotated are not in it: what they minted lives
 * on, unless they are deleted.
 */
@Injectable()
export class Snapshot {
  constructor(private readonly revocations: RevocationStore) {}

  async run({ cursor }: Received<typeof token.snapshot>): Promise<Reply<typeof token.snapshot>> {
    const after = cursor === undefined ? { clientId: '', keyId: '' } : fromRevocationCursor(cursor);
    if (!after) throw new Fault('cursor.invalid');
    const rows = await this.revocations.page(after, longestAccessSeconds, perPage + 1);
    const page = rows.slice(0, perPage);
    const last = page.at(-1);
    return {
      keys: page.flatMap(({ keyId, until }) => (until === null ? [] : [{ keyId, until }])),
      clients: page.flatMap(({ keyId, clientId, suspended, epoch }) => (keyId ? [] : [{ clientId, suspended, epoch }])),
      nextCursor: last && rows.length > perPage ? toRevocationCursor(last) : null,
    };
  }
}
