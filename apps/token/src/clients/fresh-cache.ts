import { AsyncLocalStorage } from 'node:async_hooks';

export interface Freshness {
  /** Milliseconds a value is believed, counted from the start of its load. */
  readonly ttlMs: number;
  /** The same for the absence of a value. */
  readonly absentMs: number;
  /** Keys held at most; the oldest load goes first. */
  readonly most: number;
}

interface Entry<Value> {
  readonly startedAt: number;
  readonly value: Promise<Value | null>;
  believedUntil: number;
  next?: Promise<Value | null>;
}

/**
 * A short-lived copy of what a store says. Callers of one key share a load. A failed load is not kept.
 *
 * The second look is what makes a brief copy harmless: before refusing for what the copy lacks, a caller asks for a
 * load that began after its own arrival. Those loads are shared and one follows the other, so that however many refusals
 * there are, the store answers one load of a key at a time.
 */
export class FreshCache<Value> {
  private readonly entries = new Map<string, Entry<Value>>();

  /** @param now a monotonic clock in milliseconds */
  constructor(
    private readonly load: (key: string) => Promise<Value | null>,
    private readonly freshness: Freshness,
    private readonly now: () => number = () => performance.now(),
  ) {}

  get(key: string): Promise<Value | null> {
    const entry = this.entries.get(key);
    return entry && this.now() < entry.believedUntil ? entry.value : this.start(key);
  }

  /** A value whose load began at `since` (of the same clock) or later. */
  newerThan(since: number, key: string): Promise<Value | null> {
    const entry = this.entries.get(key);
    if (!entry) return this.start(key);
    if (entry.startedAt >= since) return entry.value;
    entry.next ??= settled(entry.value).then(() => {
      const latest = this.entries.get(key);
      return latest && latest !== entry ? latest.value : this.start(key);
    });
    return entry.next;
  }

  /** After a change of our own: the next caller loads, and a load under way is not kept. */
  drop(key: string): void {
    this.entries.delete(key);
  }

  private start(key: string): Promise<Value | null> {
    const startedAt = this.now();
    const value = outsideCalls(() => this.load(key));
    const entry: Entry<Value> = { startedAt, value, believedUntil: startedAt + this.freshness.ttlMs };
    this.entries.delete(key);
    this.entries.set(key, entry);
    this.evict();
    value.then(
      (loaded) => {
        if (loaded === null) entry.believedUntil = startedAt + this.freshness.absentMs;
      },
      () => {
        if (this.entries.get(key) === entry) this.entries.delete(key);
      },
    );
    return value;
  }

  private evict(): void {
    if (this.entries.size <= this.freshness.most) return;
    const oldest = this.entries.keys().next();
    if (!oldest.done) this.entries.delete(oldest.value);
  }
}

async function settled(value: Promise<unknown>): Promise<void> {
  await value.catch(() => null);
}

/** A shared load is not part of the call that happened to come first: its deadline is not the others'. */
const outsideCalls = AsyncLocalStorage.snapshot();
