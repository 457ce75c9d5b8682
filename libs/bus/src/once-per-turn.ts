/**
 * Collects what one turn of the event loop brings and hands it on at once. Many requests arrive in one turn; published
 * singly each costs a write to the socket and a wake-up of the broker, together they cost one (performance.md, 3).
 */
export class OncePerTurn<Item> {
  #items: Item[] = [];

  constructor(private readonly take: (items: readonly Item[]) => void) {}

  add(item: Item): void {
    if (this.#items.push(item) === 1) setImmediate(this.#flush);
  }

  readonly #flush = () => {
    const items = this.#items;
    this.#items = [];
    this.take(items);
  };
}
