import type { Fact } from '#contracts/fact';
import type { FaultCode } from '#contracts/fault';
import type { Verb } from '#contracts/service';
import type { Count, Duration } from '#metrics/families';
import { metrics } from '#metrics/metrics';

type Outcome = FaultCode | 'ok';

/** By subject: what goes well is counted without putting a name together. */
const asked = new Map<string, Count>();
const served = new Map<string, { readonly well: Count; readonly took: Duration }>();

/** Counts an ask on the side that asked. */
export function countAsk({ subject }: Verb, outcome: Outcome): void {
  if (outcome === 'ok') kept(asked, subject, () => metrics.asks.of({ verb: nameOf(subject), outcome })).add();
  else metrics.asks.of({ verb: nameOf(subject), outcome }).add();
}

/** Counts an ask on the side that served it. */
export function countServed({ subject }: Verb, outcome: Outcome, ms: number): void {
  const verb = nameOf(subject);
  const { well, took } = kept(served, subject, () => ({
    well: metrics.served.of({ verb, outcome: 'ok' }),
    took: metrics.serving.of({ verb }),
  }));
  took.record(ms / 1000);
  if (outcome === 'ok') well.add();
  else metrics.served.of({ verb, outcome }).add();
}

/** Counts an ask that no handler saw. */
export function countUnserved({ subject }: Verb, outcome: 'late' | 'service.busy'): void {
  metrics.served.of({ verb: nameOf(subject), outcome }).add();
}

/** Counts a fact that was stored; of refusals also those that one of them stands for. */
export function countFact({ type, body }: Fact): void {
  metrics.facts.of({ type }).add();
  if (!/(refused|failed|denied)$/.test(type) || !('reason' in body)) return;
  const reason = /^[a-z_.]{1,40}$/.test(body.reason) ? body.reason : 'other';
  metrics.refusals.of({ type, reason }).add('count' in body ? body.count : 1);
}

/** `segue.session.open` → `session.open` */
function nameOf(subject: string): string {
  return subject.slice(subject.indexOf('.') + 1);
}

function kept<Handle>(handles: Map<string, Handle>, subject: string, make: () => Handle): Handle {
  const known = handles.get(subject);
  if (known) return known;
  const made = make();
  handles.set(subject, made);
  return made;
}
