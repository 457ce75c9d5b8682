import type { Fact } from '#contracts/fact';
import { canonicalJson } from './canonical-json.js';

/** A fact in the form in which it is kept for ever. */
export interface Entry {
  readonly clientId: string;
  /** The id of the fact: one entry each. */
  readonly id: string;
  readonly type: string;
  readonly subject: string;
  /** ISO 8601, UTC, milliseconds: `2026-01-31T12:00:00.000Z`. */
  readonly at: string;
  readonly traceparent: string | null;
  readonly body: Readonly<Record<string, unknown>>;
}

/** A fact no entry can be made of, now or later. The message tells what is wrong and never a value. */
export class MalformedFact extends Error {
  override readonly name = 'MalformedFact';
}

/**
 * Takes a fact as it came from the stream. Its body is not held against the contract of its type: audit hears every
 * fact, also one that a newer service states during a rolling upgrade. Whether all within the body can be kept is seen
 * by whoever writes it out (`bodyText`).
 *
 * @throws MalformedFact
 */
export function entryOf(fact: Fact): Entry {
  const { clientId, id, type, subject, traceparent } = fact;
  if (typeof clientId !== 'string' || !/^(_|[a-z0-9]{8,36})$/.test(clientId)) throw new MalformedFact('clientId');
  if (!isLine(id)) throw new MalformedFact('id');
  if (!isLine(type)) throw new MalformedFact('type');
  if (!isLine(subject)) throw new MalformedFact('subject');
  if (traceparent !== null && !isLine(traceparent)) throw new MalformedFact('traceparent');
  return { clientId, id, type, subject, at: instantOf(fact.at), traceparent, body: bodyOf(fact.body) };
}

/** W3C Trace Context: `<version>-<trace id>-<parent id>-<flags>`. */
export function traceIdOf(traceparent: string): string {
  return traceparent.split('-')[1] ?? '';
}

/**
 * The body as canonical JSON.
 *
 * @throws MalformedFact where it holds what cannot be kept
 */
export function bodyText(body: Entry['body']): string {
  try {
    return canonicalJson(body);
  } catch (cause) {
    throw new MalformedFact('body', { cause });
  }
}

function bodyOf(body: unknown): Entry['body'] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new MalformedFact('body');
  return body as Entry['body'];
}

function instantOf(text: unknown): string {
  if (typeof text !== 'string' || !/^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text)) throw new MalformedFact('at');
  const instant = new Date(text);
  if (Number.isNaN(instant.getTime())) throw new MalformedFact('at');
  return instant.toISOString();
}

/** Short text on one line: no input makes a second line or field (S-112). */
function isLine(text: unknown): text is string {
  if (typeof text !== 'string') return false;
  // ASCII, which nearly every one is, costs a fifth of the question in Unicode.
  return /^[ -~]{1,256}$/.test(text) || (text.isWellFormed() && /^[^\p{Cc}]{1,256}$/u.test(text));
}
