import { headers } from '@nats-io/transport-node';
import { busFaults, Fault, isFaultCode } from '#contracts/fault';
import type { Reply, Request, Verb } from '#contracts/service';
import type { Log } from '#log/log';
import { currentCall, newCall } from './call.js';
import type { Requests } from './requests.js';
import { countAsk } from './tally.js';
import { deadlineHeader, readAnswer, traceHeader } from './wire.js';

/** The longest a single ask may take, in milliseconds, however much the call has left (state.md, "Deadlines"). */
export const askMs = 2_000;

/** Takes an ask to whoever serves its subject and brings back the text of an answer (`wire.ts`). */
export interface Carrier {
  /**
   * @param deadline milliseconds since 1970
   * @throws Fault `service.unavailable`, `service.busy` (not executed), `service.silent` (unknown)
   */
  carry(subject: string, body: string, deadline: number, traceparent: string): Promise<string>;
}

/** How one service asks another. */
export class Bus {
  constructor(
    private readonly carrier: Carrier,
    private readonly log: Log,
  ) {}

  /**
   * Asks the service that serves `verb`. Waits 2 s, or what is left of the current call.
   *
   * @throws Fault with a code the verb declares, or one of the bus's own: `service.unavailable` and `service.busy` mean
   * that nothing was executed, `service.silent` that it is unknown
   */
  async ask<V extends Verb>(verb: V, request: Request<V>): Promise<Reply<V>> {
    const now = Date.now();
    const call = currentCall() ?? newCall(now, askMs);
    const deadline = Math.min(now + askMs, call.deadline);
    try {
      if (deadline <= now) throw new Fault('service.unavailable');
      const answer = await this.carrier.carry(verb.subject, JSON.stringify(request), deadline, call.traceparent);
      const reply = this.#read(verb, answer);
      countAsk(verb, 'ok');
      return reply;
    } catch (error) {
      countAsk(verb, error instanceof Fault ? error.code : 'internal');
      throw error;
    }
  }

  #read<V extends Verb>(verb: V, text: string): Reply<V> {
    const answer = readAnswer(text);
    if (answer && 'ok' in answer) return answer.ok as Reply<V>;
    const code = answer?.fault.code;
    const detail = answer?.fault.detail;
    if (isFaultCode(code) && (verb.faults.includes(code) || busFaults.includes(code))) {
      throw new Fault(code, typeof detail === 'string' ? { detail } : {});
    }
    this.log.error('the answer is none this verb declares', { verb: verb.subject, code });
    throw new Fault('internal');
  }
}

/** Carries asks over NATS: JSON body, deadline and trace as headers. */
export class NatsCarrier implements Carrier {
  constructor(private readonly requests: Requests) {}

  async carry(subject: string, body: string, deadline: number, traceparent: string): Promise<string> {
    const head = headers();
    head.set(deadlineHeader, String(deadline));
    head.set(traceHeader, traceparent);
    const message = await this.requests.send(subject, body, head, deadline);
    return message.string();
  }
}
