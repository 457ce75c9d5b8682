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
 * fact, also one that a newer service states during a rolling upgrade.
 *
 * @throws MalformedFact
 */
export function entryOf(fact: Fact): Entry {
  const { clientId, id, type, subject, at, traceparent, body } = fact;
  if (typeof clientId !== 'string' || !/^(_|[a-z0-9]{8,36})$/.test(clientId)) throw new MalformedFact('clientId');
  if (!isLine(id)) throw new MalformedFact('id');
  if (!isLine(type)) throw new MalformedFact('type');
  if (!isLine(subject)) throw new MalformedFact('subject');
  if (traceparent !== null && !isLine(traceparent)) throw new MalformedFact('traceparent');
  if (!isInstant(at)) throw new MalformedFact('at');
  return { clientId, id, type, subject, at: new Date(at).toISOString(), traceparent, body: bodyOf(body) };
}

/** W3C Trace Context: `<version>-<trace id>-<parent id>-<flags>`. */
export function traceIdOf(traceparent: string): string {
  return traceparent.split('-')[1] ?? '';
}

function bodyOf(body: unknown): Entry['body'] {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) throw new MalformedFact('body');
  try {
    canonicalJson(body);
  } catch (cause) {
    throw new MalformedFact('body', { cause });
  }
  return body as Entry['body'];
}

function isInstant(text: unknown): text is string {
  return (
    typeof text === 'string' && /^\d{4}-\d\d-\d\dT.*(Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text))
  );
}

/** Short text on one line: no input makes a second line or field (S-112). */
function isLine(text: unknown): text is string {
  return typeof text === 'string' && text.isWellFormed() && /^[^\p{Cc}]{1,256}$/u.test(text);
}
