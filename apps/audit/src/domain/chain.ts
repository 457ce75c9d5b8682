import { sha256 } from '#secrets/digest';
import { canonicalJson, canonicalString } from './canonical-json.js';
import { bodyText, type Entry } from './entry.js';

/*
 * A client's entries form a chain, numbered from 1 without gaps. The hash of an entry is
 *
 *   SHA-256( previous hash, 32 bytes  ||  UTF-8 of the entry as canonical JSON, RFC 8785 )
 *
 * where the JSON is an object of exactly these members: `at` (ISO 8601, UTC, milliseconds), `body`, `clientId`, `id`,
 * `seq`, `subject`, `traceparent` (null where there is none) and `type`. Before the first entry stand 32 zero bytes.
 * Whoever has the rows can recompute it; `chain.spec.ts` holds a worked example.
 */

/** The newest entry of a chain, or what stands before the first. */
export interface Head {
  readonly seq: number;
  /** 32 bytes. */
  readonly hash: Buffer;
}

/** An entry at its place in the chain of its client. */
export interface Link extends Entry, Head {
  readonly previous: Buffer;
}

/** One that is not stored yet. */
export interface NewLink extends Link {
  /** Its body as canonical JSON: written once, for the hash and for the row. */
  readonly bodyText: string;
}

export const genesis: Head = { seq: 0, hash: Buffer.alloc(32) };

/**
 * Chains new entries, in the order given, to the head of their client's chain.
 *
 * @throws MalformedFact for a body that cannot be kept
 */
export function chain(head: Head, entries: readonly Entry[]): NewLink[] {
  let last = head;
  return entries.map((entry) => {
    const seq = last.seq + 1;
    const text = bodyText(entry.body);
    const link = { ...entry, seq, previous: last.hash, hash: hashOf(last.hash, seq, entry, text), bodyText: text };
    last = link;
    return link;
  });
}

/**
 * Follows stored links, oldest first, from a head that is known to be sound.
 *
 * @returns the first place where the chain does not hold (a missing entry breaks its own place), or `null`
 */
export function firstBroken(head: Head, links: readonly Link[]): number | null {
  let last = head;
  for (const link of links) {
    const expected = last.seq + 1;
    const holds =
      link.seq === expected &&
      link.previous.equals(last.hash) &&
      link.hash.equals(hashOf(last.hash, expected, link, bodyText(link.body)));
    if (!holds) return expected;
    last = link;
  }
  return null;
}

/**
 * The members stand in the order of RFC 8785.
 *
 * @param body canonical JSON
 */
function hashOf(previous: Buffer, seq: number, entry: Omit<Entry, 'body'>, body: string): Buffer {
  const { at, clientId, id, subject, traceparent, type } = entry;
  const text =
    `{"at":${canonicalString(at)},"body":${body},"clientId":${canonicalString(clientId)},"id":${canonicalString(id)}` +
    `,"seq":${seq},"subject":${canonicalString(subject)},"traceparent":${canonicalJson(traceparent)}` +
    `,"type":${canonicalString(type)}}`;
  const bytes = Buffer.allocUnsafe(previous.length + Buffer.byteLength(text));
  previous.copy(bytes);
  bytes.write(text, previous.length);
  return sha256(bytes);
}
