import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import type { Received, Reply } from '#contracts/service';
import type { session } from '#contracts/session';
import { fromRevocationCursor, toRevocationCursor } from './domain/cursor.js';
import { Heard } from './heard.js';
import { RevocationStore } from './store/revocation.store.js';

/** Far below what one message may carry. */
const perPage = 2000;

/**
 * The part of the revocation set that this service owns: closed sessions first, then raised epochs. An epoch that was
 * stated before the asker began to listen is in it, however far behind this service was.
 */
@Injectable()
export class Snapshot {
  constructor(
    private readonly revocations: RevocationStore,
    private readonly heard: Heard,
  ) {}

  async run({ cursor }: Received<typeof session.snapshot>): Promise<Reply<typeof session.snapshot>> {
    const after = cursor === undefined ? undefined : fromRevocationCursor(cursor);
    if (after === null) throw new Fault('cursor.invalid');
    if (after === undefined) await this.heard.caughtUp();

    const closed = after?.of === 'epochs' ? [] : await this.revocations.sessions(after, perPage);
    const room = perPage - closed.length;
    const raised = room > 0 ? await this.revocations.epochs(after?.of === 'epochs' ? after : undefined, room) : [];
    const last = raised.at(-1) ?? closed.at(-1);
    return {
      sessions: closed.map(({ name, untilSeconds }) => ({ sessionId: name, until: untilSeconds })),
      epochs: raised.map(({ clientId, name, least, untilSeconds }) => ({
        clientId,
        subject: name,
        least,
        until: untilSeconds,
      })),
      nextCursor: last && closed.length + raised.length === perPage ? toRevocationCursor(last) : null,
    };
  }
}
