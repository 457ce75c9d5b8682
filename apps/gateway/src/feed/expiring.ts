/** A map whose entries have an end. They are cleared away a stretch at a time, so that no turn of the event loop is long. */
export class Expiring<Value> {
  readonly #entries = new Map<string, Value>();
  /** None between two rounds: a walk keeps every table the map has outgrown since its last step. */
  #walk: MapIterator<[string, Value]> | undefined;

  /** @param untilOf when an entry ends, in the unit `clear` is given */
  constructor(private readonly untilOf: (value: Value) => number) {}

  get size(): number {
    return this.#entries.size;
  }

  get(key: string): Value | undefined {
    return this.#entries.get(key);
  }

  set(key: string, value: Value): void {
    this.#entries.set(key, value);
  }

  /** Looks at the next `most` entries and drops those that have ended; each is looked at in turn. */
  clear(now: number, most: number): void {
    // One look more than there are entries: it turns round.
    for (let looks = Math.min(most, this.#entries.size + 1); looks > 0; looks--) {
      this.#walk ??= this.#entries.entries();
      const { done, value: entry } = this.#walk.next();
      if (done) this.#walk = undefined;
      else if (this.untilOf(entry[1]) <= now) this.#entries.delete(entry[0]);
    }
  }
}
