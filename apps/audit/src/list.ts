import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { audit } from '#contracts/audit';
import { adviceOn } from '#contracts/refusal';
import type { Received, Reply } from '#contracts/service';
import { fromCursor, toCursor } from './cursor.js';
import type { Link } from './domain/chain.js';
import { traceIdOf } from './domain/entry.js';
import { EntriesStore } from './store/entries.store.js';

type Page = Reply<typeof audit.list>;
type Item = Page['items'][number];

/** What happened, newest first. */
@Injectable()
export class List {
  constructor(private readonly entries: EntriesStore) {}

  async run({ limit, cursor, ...filter }: Received<typeof audit.list>): Promise<Page> {
    const after = cursor === undefined ? null : fromCursor(place, cursor);
    const links = await this.entries.page(filter, after, limit + 1);
    const page = links.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map((link) => itemOf(link, filter.support)),
      nextCursor: last && links.length > limit ? toCursor([last.at, last.seq, last.clientId]) : null,
    };
  }
}

/** @param asked the support id that was looked up: it may be one of those a counted row stands for */
function itemOf({ id, seq, type, at, clientId, traceparent, body }: Link, asked: string | undefined): Item {
  const { reason, into } = body;
  const userId = body['userId'] ?? into;
  // Entries hold no prose: the advice is today's, also for an old refusal.
  const advice = typeof reason === 'string' ? adviceOn(type, reason) : undefined;
  const support = asked ?? body['support'];
  return {
    id,
    seq,
    type,
    at,
    clientId,
    ...(typeof userId === 'string' && { userId }),
    ...(typeof support === 'string' && { support }),
    ...(traceparent !== null && { traceId: traceIdOf(traceparent) }),
    ...(typeof reason === 'string' && { reason }),
    ...(advice !== undefined && { advice }),
    body,
  };
}

const place = z
  .tuple([z.iso.datetime(), z.int().positive(), z.string()])
  .transform(([at, seq, clientId]) => ({ at, seq, clientId }));
