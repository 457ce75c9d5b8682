import type { Fact } from '#contracts/fact';
import type { FaultCode } from '#contracts/fault';
import type { Verb } from '#contracts/service';
import type { Count, Duration } from '#metrics/families';
import { metrics } from '#metrics/metrics';

type Outcome = FaultCode | 'ok';

/** What goes well is counted without putting a name together: by verb, or by type of fact. */
const asked = new Map<Verb, Count>();
const served = new Map<Verb, { readonly well: Count; readonly took: Duration }>();
const stored = new Map<string, { readonly all: Count; readonly isRefusal: boolean }>();

/** Counts an ask on the side that asked. */
export function countAsk(verb: Verb, outcome: Outcome): void {
  if (outcome === 'ok') kept(asked, verb, wellAsked).add();
  else metrics.asks.of({ verb: nameOf(verb), outcome }).add();
}

/** Counts an ask on the side that served it. */
export function countServed(verb: Verb, outcome: Outcome, ms: number): void {
  const { well, took } = kept(served, verb, wellServed);
  took.record(ms / 1000);
  if (outcome === 'ok') well.add();
  else metrics.served.of({ verb: nameOf(verb), outcome }).add();
}

/** Counts an ask that no handler saw. */
export function countUnserved(verb: Verb, outcome: 'late' | 'service.busy'): void {
  metrics.served.of({ verb: nameOf(verb), outcome }).add();
}

/** Counts a fact that was stored; of refusals also those that one of them stands for. */
export function countFact({ type, body }: Fact): void {
  const { all, isRefusal } = kept(stored, type, factsOf);
  all.add();
  if (!isRefusal || !('reason' in body)) return;
  const reason = /^[a-z_.]{1,40}$/.test(body.reason) ? body.reason : 'other';
  metrics.refusals.of({ type, reason }).add('count' in body ? body.count : 1);
}

const wellAsked = (verb: Verb) => metrics.asks.of({ verb: nameOf(verb), outcome: 'ok' });
const wellServed = (verb: Verb) => ({
  well: metrics.served.of({ verb: nameOf(verb), outcome: 'ok' }),
  took: metrics.serving.of({ verb: nameOf(verb) }),
});
const factsOf = (type: string) => ({
  all: metrics.facts.of({ type }),
  isRefusal: /(refused|failed|denied)$/.test(type),
});

/** `segue.session.open` → `session.open` */
function nameOf({ subject }: Verb): string {
  return subject.slice(subject.indexOf('.') + 1);
}

function kept<Key, Handle>(handles: Map<Key, Handle>, key: Key, make: (key: Key) => Handle): Handle {
  const known = handles.get(key);
  if (known) return known;
  const made = make(key);
  handles.set(key, made);
  return made;
}
