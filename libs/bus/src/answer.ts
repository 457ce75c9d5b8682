import { busFaults, Fault } from '#contracts/fault';
import type { Verb } from '#contracts/service';
import type { Log } from '#log/log';
import { type Call, withCall } from './call.js';
import type { Served } from './serve.js';
import { countServed } from './tally.js';
import { faultText, okText } from './wire.js';

/** Whoever waits for the text of an answer (`wire.ts`). */
export interface Answered {
  give(text: string): void;
}

/**
 * Has a handler answer one request within its call, JSON in and JSON out. Every internal message is treated as untrusted
 * (S-108): the handler sees what the verb's schema allows and nothing else, whatever carried it here. What the handler
 * throws becomes the fault its caller may see, and is logged here, at its origin, once.
 */
export function answer(served: Served, body: string, call: Call, log: Log, to: Answered): void {
  void withCall(call, answered, served, body, call, log, to);
}

async function answered({ verb, handle }: Served, body: string, call: Call, log: Log, to: Answered): Promise<void> {
  const began = performance.now();
  let text: string;
  try {
    text = okText(await handle(received(verb, body)));
    countServed(verb, 'ok', performance.now() - began);
    if (log.shows('debug')) log.debug('answered', { verb: verb.subject });
  } catch (error) {
    const { code, detail } = judged(error, verb, log);
    countServed(verb, code, performance.now() - began);
    text = faultText(code, call, detail);
  }
  to.give(text);
}

function received(verb: Verb, body: string): unknown {
  const parsed = verb.request.safeParse(parse(body));
  if (parsed.success) return parsed.data;
  const paths = new Set(parsed.error.issues.map(({ path }) => path.map(segment).join('.') || '(request)'));
  throw new Fault('request.invalid', { detail: [...paths].slice(0, 20).join(', ') });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Fault('request.invalid', { detail: 'not JSON' });
  }
}

/** Keys of a record are the caller's own words; only plain names are repeated. */
function segment(key: PropertyKey): string {
  const name = String(key);
  return /^\w{1,64}$/.test(name) ? name : '?';
}

function judged(error: unknown, verb: Verb, log: Log): Fault {
  if (!(error instanceof Fault)) {
    log.error('a handler failed', { verb: verb.subject, err: error });
    return new Fault('internal');
  }
  if (!verb.faults.includes(error.code) && !busFaults.includes(error.code)) {
    log.error('a handler threw a fault its verb does not declare', { verb: verb.subject, err: error });
    return new Fault('internal');
  }
  const { kind } = error.entry;
  const about = { verb: verb.subject, code: error.code, detail: error.detail, err: error.cause };
  if (kind === 'internal') log.error('a handler gave up', about);
  else if (kind === 'unavailable') log.warn('a handler could not do its work', about);
  else log.debug('refused', about);
  return error;
}
