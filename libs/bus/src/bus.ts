import { busFaults, Fault, isFaultCode } from '#contracts/fault';
import type { Reply, Request, Verb } from '#contracts/service';
import type { Log } from '#log/log';
import { type Call, currentCall, newCall, withCall } from './call.js';
import { headLine, headStart } from './head.js';
import type { Requests, Taker } from './requests.js';
import { countAsk } from './tally.js';
import { deadlineHeader, readAnswer, traceHeader } from './wire.js';

/** The longest a single ask may take, in milliseconds, however much the call has left (state.md, "Deadlines"). */
export const askMs = 2_000;

/** Takes an ask to whoever serves its subject and brings back the text of an answer (`wire.ts`). */
export interface Carrier {
  /**
   * `taker` gets the text, or a Fault: `service.unavailable`, `service.busy` (not executed), `service.silent` (unknown).
   *
   * @param deadline milliseconds since 1970
   */
  carry(subject: string, body: string, deadline: number, traceparent: string, taker: Taker): void;
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
   * Rejects with a Fault of a code the verb declares, or one of the bus's own: `service.unavailable` and `service.busy`
   * mean that nothing was executed, `service.silent` that it is unknown.
   */
  ask<V extends Verb>(verb: V, request: Request<V>): Promise<Reply<V>> {
    // One promise from here to the answer: each async layer between would add three.
    return new Promise((resolve, reject) => {
      const now = Date.now();
      const call = currentCall() ?? newCall(now, askMs);
      const ask = new Ask(verb, call, this.log, resolve, reject);
      const deadline = Math.min(now + askMs, call.deadline);
      try {
        if (deadline <= now) throw new Fault('service.unavailable');
        this.carrier.carry(verb.subject, JSON.stringify(request), deadline, call.traceparent, ask);
      } catch (error) {
        ask.failed(error);
      }
    });
  }
}

/** An ask that waits for its answer. */
class Ask<V extends Verb> implements Taker {
  constructor(
    private readonly verb: V,
    private readonly call: Call,
    private readonly log: Log,
    private readonly resolve: (reply: Reply<V>) => void,
    private readonly reject: (reason: unknown) => void,
  ) {}

  answered(text: string): void {
    const answer = readAnswer(text);
    if (answer && 'ok' in answer) {
      countAsk(this.verb, 'ok');
      this.resolve(answer.ok as Reply<V>);
    } else this.failed(this.#refusal(answer?.fault));
  }

  failed(reason: unknown): void {
    countAsk(this.verb, reason instanceof Fault ? reason.code : 'internal');
    this.reject(reason);
  }

  #refusal({ code, detail }: { code?: unknown; detail?: unknown } = {}): Fault {
    if (isFaultCode(code) && (this.verb.faults.includes(code) || busFaults.includes(code))) {
      return new Fault(code, typeof detail === 'string' ? { detail } : {});
    }
    // An answer comes outside of any call; its line belongs to the one that asked.
    withCall(this.call, () => {
      this.log.error('the answer is none this verb declares', { verb: this.verb.subject, code });
    });
    return new Fault('internal');
  }
}

/** Carries asks over NATS: JSON body, deadline and trace as headers. */
export class NatsCarrier implements Carrier {
  constructor(private readonly requests: Requests) {}

  carry(subject: string, body: string, deadline: number, traceparent: string, taker: Taker): void {
    const head = `${headStart}${deadlineHeader}: ${deadline}\r\n${headLine(traceHeader, traceparent)}\r\n`;
    this.requests.send(subject, head, body, deadline, taker);
  }
}
