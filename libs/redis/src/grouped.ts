import { AsyncLocalStorage } from 'node:async_hooks';

export interface GroupedOptions<Item, Answer> {
  /** One command for all of them. Answers for each, in the order of `items`; what it throws fails all of them. */
  run(items: readonly Item[]): Promise<readonly Answer[]>;
  /** Redis does nothing else while it works on a group. */
  readonly most: number;
}

interface Waiting<Item, Answer> {
  readonly item: Item;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Collects what one turn of the event loop asks of Redis and asks it with one command: nearly all that a command costs here
 * (its object, its timer, its place in a pipeline) and much of what it costs there is by command, not by key. One is under
 * way at a time, the next takes all that came meanwhile; so the busier it is, the larger the groups.
 */
export class Grouped<Item, Answer> {
  #waiting: Waiting<Item, Answer>[] = [];
  #busy = false;

  constructor(private readonly options: GroupedOptions<Item, Answer>) {}

  /** @returns the answer of `run` for this item */
  add(item: Item): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (this.#busy) return;
      this.#busy = true;
      outsideCalls(this.#soon);
    });
  }

  readonly #soon = (): void => {
    setImmediate(this.#flush);
  };

  readonly #flush = (): void => {
    const group = this.#waiting;
    this.#waiting = group.length > this.options.most ? group.splice(this.options.most) : [];
    this.#settle(group).finally(() => {
      if (this.#waiting.length > 0) this.#flush();
      else this.#busy = false;
    });
  };

  async #settle(group: readonly Waiting<Item, Answer>[]): Promise<void> {
    try {
      const answers = await this.options.run(group.map(({ item }) => item));
      if (answers.length !== group.length) throw new Error(`${answers.length} answers for ${group.length} questions`);
      for (let index = 0; index < group.length; index++) group[index]?.resolve(answers[index] as Answer);
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}

/** Not in the context of the call that happened to come first: the others are not part of it. */
const outsideCalls = AsyncLocalStorage.snapshot();
