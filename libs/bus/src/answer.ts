import type { MessageHandler } from '@nestjs/microservices';
import { isObservable, lastValueFrom } from 'rxjs';
import { busFaults, Fault } from '#contracts/fault';
import type { Verb } from '#contracts/service';
import type { Log } from '#log/log';
import { type Call, withCall } from './call.js';
import { countServed } from './tally.js';
import { faultText, okText } from './wire.js';

/**
 * Has a handler answer one request within its call, JSON in and JSON out. Never rejects: what the handler throws becomes
 * the fault its caller may see, and is logged here, at its origin, once.
 */
export function answerOf(handler: MessageHandler, verb: Verb, body: string, call: Call, log: Log): Promise<string> {
  const began = performance.now();
  return withCall(call, async () => {
    try {
      const result: unknown = await handler(parse(body));
      const text = okText(isObservable(result) ? await lastValueFrom(result) : result);
      countServed(verb, 'ok', performance.now() - began);
      if (log.shows('debug')) log.debug('answered', { verb: verb.subject });
      return text;
    } catch (error) {
      const { code, detail } = judged(error, verb, log);
      countServed(verb, code, performance.now() - began);
      return faultText(code, call, detail);
    }
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new Fault('request.invalid', { detail: 'not JSON' });
  }
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
