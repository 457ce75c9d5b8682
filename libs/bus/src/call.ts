import { AsyncLocalStorage } from 'node:async_hooks';
import { hexForIds } from '#secrets/random';

/** The request of the outside world that the running code works for; every ask made meanwhile belongs to it. */
export interface Call {
  /** Milliseconds since 1970; afterwards nobody waits for the answer any more (state.md, "Deadlines"). */
  readonly deadline: number;
  /** W3C Trace Context `traceparent`, version 00. */
  readonly traceparent: string;
}

const calls = new AsyncLocalStorage<Call>();

/** The call the running code works for; `undefined` outside of any (a timer, a start-up). */
export function currentCall(): Call | undefined {
  return calls.getStore();
}

/** Runs `work` on `given`, and everything it awaits, as part of `call`. */
export function withCall<Given extends unknown[], Result>(
  call: Call,
  work: (...given: Given) => Result,
  ...given: Given
): Result {
  return calls.run(call, work, ...given);
}

/**
 * A call that begins now.
 *
 * @param nowMs milliseconds since 1970
 * @param budgetMs how long its caller will wait, in milliseconds
 * @param traceparent carried on when it is well formed, otherwise a new trace begins
 */
export function newCall(nowMs: number, budgetMs: number, traceparent?: string): Call {
  const carriedOn = traceparent !== undefined && isTraceparent(traceparent);
  return { deadline: nowMs + budgetMs, traceparent: carriedOn ? traceparent : newTraceparent() };
}

/** The trace id of a call: the 32 hex digits by which its log lines are found. */
export function traceId({ traceparent }: Call): string {
  return traceparent.slice(3, 35);
}

/** W3C Trace Context, section 3.2.2: all-zero ids are invalid. */
function isTraceparent(text: string): boolean {
  return /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/.test(text);
}

function newTraceparent(): string {
  const hex = hexForIds(24);
  return `00-${hex.slice(0, 32)}-${hex.slice(32)}-01`;
}
