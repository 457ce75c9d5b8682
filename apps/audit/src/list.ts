import { Injectable } from '@nestjs/common';
import { z } from 'zod';
import type { audit } from '#contracts/audit';
import { Fault } from '#contracts/fault';
import { linkRefusals } from '#contracts/refusal';
import type { Received, Reply } from '#contracts/service';
import type { Link } from './domain/chain.js';
import { EntriesStore, type Place } from './store/entries.store.js';

type Page = Reply<typeof audit.list>;
type Item = Page['items'][number];

/** What happened, newest first. */
@Injectable()
export class List {
  constructor(private readonly entries: EntriesStore) {}

  async run({ limit, cursor, ...filter }: Received<typeof audit.list>): Promise<Page> {
    const after = cursor === undefined ? null : placeOf(cursor);
    const links = await this.entries.page(filter, after, limit + 1);
    const page = links.slice(0, limit);
    const last = page.at(-1);
    return {
      items: page.map((link) => itemOf(link, filter.support)),
      nextCursor: last && links.length > limit ? cursorOf(last) : null,
    };
  }
}

/** @param asked the support id that was looked up: it may be one of those a counted row stands for */
function itemOf({ id, seq, type, at, clientId, body }: Link, asked: string | undefined): Item {
  const { userId, reason } = body;
  const support = asked ?? body['support'];
  return {
    id,
    seq,
    type,
    at,
    clientId,
    ...(typeof userId === 'string' && { userId }),
    ...(typeof support === 'string' && { support }),
    ...(typeof reason === 'string' && { reason, ...adviceOn(type, reason) }),
    body,
  };
}

/** Entries hold no prose: the advice is today's, also for an old refusal. */
function adviceOn(type: string, reason: string): { advice?: string } {
  const advice: Readonly<Record<string, string>> = type === 'link.refused' ? linkRefusals : {};
  return Object.hasOwn(advice, reason) ? { advice: advice[reason] ?? '' } : {};
}

const place = z.tuple([z.iso.datetime(), z.int().positive(), z.string()]);

function cursorOf({ at, seq, clientId }: Place): string {
  return Buffer.from(JSON.stringify([at, seq, clientId])).toString('base64url');
}

function placeOf(cursor: string): Place {
  try {
    const [at, seq, clientId] = place.parse(JSON.parse(Buffer.from(cursor, 'base64url').toString()));
    return { at, seq, clientId };
  } catch (cause) {
    throw new Fault('cursor.invalid', { cause });
  }
}
