/** What a metric is called and means; pages and scrapers read it as it stands here. */
export interface Description<Label extends string> {
  /** Prometheus style: unit and `_total` in the name. */
  readonly name: string;
  readonly help: string;
  /** None that a caller chooses: a label value is one of a list that the code knows (S-12). */
  readonly labels: readonly Label[];
  /** Which processes have it. */
  readonly seenAt: string;
}

export type Labels<Label extends string> = Readonly<Record<Label, string>>;

/** More series than a family of ours can have: whatever made them, they must not fill anybody's memory. */
const mostSeries = 2_000;

/** Series under one name, told apart by labels. */
abstract class Family<Label extends string, Handle> {
  readonly #series = new Map<string, { readonly labels: Labels<Label>; readonly handle: Handle }>();

  constructor(
    readonly description: Description<Label>,
    private readonly make: () => Handle,
  ) {
    if (description.labels.length === 0) this.of({} as Labels<Label>);
  }

  /** The series of these labels. Whoever counts often keeps it: recording then is an addition. */
  of(labels: Labels<Label>): Handle {
    const { labels: names } = this.description;
    const key = names.map((name) => labels[name]).join('\n');
    const known = this.#series.get(key);
    if (known) return known.handle;
    if (this.#series.size >= mostSeries && names.some((name) => labels[name] !== 'other')) {
      return this.of(Object.fromEntries(names.map((name) => [name, 'other'])) as Labels<Label>);
    }
    const handle = this.make();
    const inOrder = Object.fromEntries(names.map((name) => [name, labels[name]])) as Labels<Label>;
    this.#series.set(key, { labels: inOrder, handle });
    return handle;
  }

  /** Every series so far. */
  series(): Iterable<{ readonly labels: Labels<Label>; readonly handle: Handle }> {
    return this.#series.values();
  }
}

/** One series of a counter. */
export class Count {
  value = 0;

  add(more = 1): void {
    this.value += more;
  }
}

/** What happened, and how often. */
export class Counts<Label extends string> extends Family<Label, Count> {
  readonly kind = 'counter';

  constructor(description: Description<Label>) {
    super(description, () => new Count());
  }
}

/** Upper bounds in seconds: an ask takes about one millisecond, and nobody waits for longer than five seconds. */
export const bounds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5] as const;

/** One series of a histogram. */
export class Duration {
  /** How many fell under each bound and no lower one; those above all of them come last. */
  readonly counts = new Float64Array(bounds.length + 1);
  sum = 0;

  record(seconds: number): void {
    let at = 0;
    while (at < bounds.length && seconds > (bounds[at] as number)) at++;
    this.counts[at] = (this.counts[at] as number) + 1;
    this.sum += seconds;
  }
}

/** How long something took, and so how often it was done. */
export class Durations<Label extends string> extends Family<Label, Duration> {
  readonly kind = 'histogram';

  constructor(description: Description<Label>) {
    super(description, () => new Duration());
  }
}

/** What a gauge shows now; `undefined` while it can't be known. */
export type Reading = () => number | undefined | Promise<number | undefined>;

/** How much there is of something: read when somebody asks, and not before. */
export class Gauges<Label extends string> {
  readonly kind = 'gauge';
  readonly #readings = new Map<string, { readonly labels: Labels<Label>; readonly read: Reading }>();

  constructor(readonly description: Description<Label>) {}

  /** @returns what ends it */
  watch(labels: Labels<Label>, read: Reading): () => void {
    const key = this.description.labels.map((name) => labels[name]).join('\n');
    const reading = { labels, read };
    this.#readings.set(key, reading);
    return () => {
      if (this.#readings.get(key) === reading) this.#readings.delete(key);
    };
  }

  readings(): Iterable<{ readonly labels: Labels<Label>; readonly read: Reading }> {
    return this.#readings.values();
  }
}
