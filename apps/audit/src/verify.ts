import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { audit } from '#contracts/audit';
import type { Received, Reply } from '#contracts/service';
import { fromCursor, toCursor } from './cursor.js';
import { firstBroken, genesis, type Head } from './domain/chain.js';
import { EntriesStore, type Extent } from './store/entries.store.js';

/** Read and hashed in one go: other asks get their turn in between. */
const entriesAPage = 1_000;
/** About half a second: an ask has to end long before its deadline. */
const pagesAnAsk = 20;

/** How far the chain was walked. */
interface Walk {
  readonly sound: Head;
  /** Whether the walk has come by the head that was kept elsewhere. */
  readonly met: boolean;
  readonly broken: number | null;
}

/** Proves that nobody changed, removed or inserted an entry (S-113). */
@Injectable()
export class Verify {
  constructor(private readonly entries: EntriesStore) {}

  async run({ clientId, head: kept, cursor }: Received<typeof audit.verify>): Promise<Reply<typeof audit.verify>> {
    const start = cursor === undefined ? startOf(kept) : fromCursor(place, cursor);
    const extent = await this.entries.extent(clientId);
    const walk = await this.walk(clientId, extent.head, start, kept);
    const atEnd = walk.sound.seq >= extent.head.seq;
    const broken = walk.broken ?? (atEnd ? brokenAtEnd(walk.sound, extent) : null);
    return {
      ok: broken === null && (walk.met || !atEnd),
      entries: extent.head.seq,
      head: extent.head.seq > 0 ? extent.head.hash.toString('hex') : null,
      firstBroken: broken,
      nextCursor: broken === null && !atEnd ? cursorOf(walk) : null,
    };
  }

  /** Towards the head as it stands now; what is appended meanwhile is not looked at. */
  private async walk(clientId: string, head: Head, start: Walk, kept: string | undefined): Promise<Walk> {
    let { sound, met } = start;
    for (let pages = 0; pages < pagesAnAsk && sound.seq < head.seq; pages += 1) {
      const links = await this.entries.following(clientId, sound.seq, Math.min(entriesAPage, head.seq - sound.seq));
      const last = links.at(-1);
      const broken = last ? firstBroken(sound, links) : sound.seq + 1;
      if (!last || broken !== null) return { sound, met, broken };
      met ||= links.some((link) => link.hash.toString('hex') === kept);
      sound = last;
    }
    return { sound, met, broken: null };
  }
}

/** The head and the entries must tell of the same end. */
function brokenAtEnd(sound: Head, { head, highest }: Extent): number | null {
  if (!sound.hash.equals(head.hash)) return head.seq;
  return highest === head.seq ? null : head.seq + 1;
}

const startOf = (kept: string | undefined): Walk => ({ sound: genesis, met: kept === undefined, broken: null });

const cursorOf = ({ sound, met }: Walk) => toCursor([sound.seq, sound.hash.toString('hex'), met]);

const place = z
  .tuple([z.int().positive(), z.string().regex(/^[0-9a-f]{64}$/), z.boolean()])
  .transform(([seq, hash, met]): Walk => ({ sound: { seq, hash: Buffer.from(hash, 'hex') }, met, broken: null }));
