import { Injectable } from '@nestjs/common';
import type { audit } from '#contracts/audit';
import type { Received, Reply } from '#contracts/service';
import { firstBroken, genesis, type Head } from './domain/chain.js';
import { EntriesStore, type Extent } from './store/entries.store.js';

const entriesAPage = 1000;

/** Proves that nobody changed, removed or inserted an entry (S-113). */
@Injectable()
export class Verify {
  constructor(private readonly entries: EntriesStore) {}

  async run({ clientId, head: kept }: Received<typeof audit.verify>): Promise<Reply<typeof audit.verify>> {
    const extent = await this.entries.extent(clientId);
    const walk = await this.walk(clientId, extent, kept);
    return {
      ok: walk.broken === null && walk.met,
      entries: extent.head.seq,
      head: extent.head.seq > 0 ? extent.head.hash.toString('hex') : null,
      firstBroken: walk.broken,
    };
  }

  /** From the first entry to the head as it stood at the start; what is appended meanwhile is not looked at. */
  private async walk(clientId: string, { head, highest }: Extent, kept: string | undefined) {
    let sound: Head = genesis;
    let met = kept === undefined;
    while (sound.seq < head.seq) {
      const links = await this.entries.following(clientId, sound.seq, Math.min(entriesAPage, head.seq - sound.seq));
      const last = links.at(-1);
      const broken = last ? firstBroken(sound, links) : sound.seq + 1;
      if (!last || broken !== null) return { broken, met };
      met ||= links.some((link) => link.hash.toString('hex') === kept);
      sound = last;
    }
    return { broken: brokenAtEnd(sound, head, highest), met };
  }
}

/** The head and the entries must tell of the same end. */
function brokenAtEnd(sound: Head, head: Head, highest: number): number | null {
  if (!sound.hash.equals(head.hash)) return head.seq;
  return highest === head.seq ? null : head.seq + 1;
}
