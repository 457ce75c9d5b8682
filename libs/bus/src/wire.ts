import type { FaultCode } from '#contracts/fault';
import { type Call, traceId } from './call.js';

/** Header: the deadline in milliseconds since 1970. */
export const deadlineHeader = 'segue-deadline';
/** Header: W3C Trace Context. */
export const traceHeader = 'traceparent';

/** The answer of a verb that did what it was asked. */
export function okText(reply: unknown): string {
  return JSON.stringify({ ok: reply ?? null });
}

/** The answer of a verb that did not: code, trace and safe detail travel, causes stay where they happened. */
export function faultText(code: FaultCode, call: Call, detail?: string): string {
  return JSON.stringify({ fault: { code, detail, trace: traceId(call) } });
}

/** What `okText` or `faultText` wrote. The code may be one we do not know. */
type Answer = { readonly ok: unknown } | { readonly fault: { readonly code?: unknown; readonly detail?: unknown } };

/** Reads either; `undefined` when the text is none. */
export function readAnswer(text: string): Answer | undefined {
  const answer = parse(text);
  if (typeof answer !== 'object' || answer === null) return undefined;
  if ('ok' in answer) return answer;
  if (!('fault' in answer) || typeof answer.fault !== 'object' || answer.fault === null) return undefined;
  return { fault: answer.fault };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
