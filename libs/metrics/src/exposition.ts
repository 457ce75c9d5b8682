import { setTimeout as delay } from 'node:timers/promises';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from '@prometheus-io/client';
import { bounds, type Counts, type Durations, type Gauges, type Reading } from './families.js';
import { metrics } from './metrics.js';

/** A scrape does not wait longer than this for what one gauge has to ask, in milliseconds. */
const patienceMs = 1_000;

type AnyFamily = Counts<string> | Durations<string> | Gauges<string>;

let registry: Registry | undefined;

/** What a scrape gets: the Prometheus text format, and its media type. */
export async function exposition(): Promise<{ readonly type: string; readonly text: string }> {
  registry ??= registryOf(Object.values<AnyFamily>(metrics));
  return { type: registry.contentType, text: await registry.metrics() };
}

/** The metrics of the process itself (CPU, memory, event loop), under the names every Node dashboard knows. */
function processMetrics(into = new Registry()): Registry {
  collectDefaultMetrics({ register: into, eventLoopMonitoringPrecision: 20 });
  return into;
}

/** Counting is ours, since a handle of the client's composes and looks up a name each time; showing is the client's. */
export function registryOf(families: readonly AnyFamily[], into = processMetrics()): Registry {
  for (const family of families) show(family, into);
  return into;
}

function show(family: AnyFamily, into: Registry): void {
  const { name, help, labels: labelNames } = family.description;
  const about = { name, help, labelNames: [...labelNames], registers: [into] };
  if (family.kind === 'counter') {
    new Counter({
      ...about,
      collect() {
        this.reset();
        for (const { labels, handle } of family.series()) this.inc(labels, handle.value);
      },
    });
  } else if (family.kind === 'gauge') {
    new Gauge({
      ...about,
      async collect() {
        const values = await Promise.all(
          Array.from(family.readings(), async ({ labels, read }) => ({ labels, value: await readInTime(read) })),
        );
        this.reset();
        // What is not known is not shown: 0 would say that all is well.
        if (labelNames.length === 0 && values.every(({ value }) => value === undefined)) this.remove({});
        for (const { labels, value } of values) if (value !== undefined) this.set(labels, value);
      },
    });
  } else {
    new KeptHistogram(about, family);
  }
}

class KeptHistogram extends Histogram<string> {
  constructor(
    private readonly about: ConstructorParameters<typeof Histogram<string>>[0],
    private readonly family: Durations<string>,
  ) {
    super(about);
  }

  override async get() {
    const { name, help } = this.about;
    const values = [...this.family.series()].flatMap(({ labels, handle }) => {
      let total = 0;
      const upTo = [...handle.counts].map((count, at) => {
        total += count;
        return { metricName: `${name}_bucket`, labels: { ...labels, le: bounds[at] ?? '+Inf' }, value: total };
      });
      return [
        ...upTo,
        { metricName: `${name}_sum`, labels: { ...labels }, value: handle.sum },
        { metricName: `${name}_count`, labels: { ...labels }, value: total },
      ];
    });
    return { name, help, type: 'histogram' as const, aggregator: 'sum' as const, collect: () => undefined, values };
  }

  /** By this name the registry asks first. */
  getForPromString() {
    return this.get();
  }
}

async function readInTime(read: Reading): Promise<number | undefined> {
  const given = new AbortController();
  const late = delay(patienceMs, undefined, { signal: given.signal, ref: false }).catch(() => undefined);
  try {
    return await Promise.race([read(), late]);
  } catch {
    return undefined;
  } finally {
    given.abort();
  }
}
