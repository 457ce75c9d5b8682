/** How many answers are remembered at most; who asks for invented names must not fill the memory. */
const most = 10_000;

interface Known<Answer> {
  readonly answer: Promise<Answer>;
  readonly until: number;
  /** Once it is here. */
  settled?: { readonly answer: Answer };
}

/**
 * Remembers answers for a moment. Whoever asks for the same while it is being fetched waits for the same answer;
 * failures are not remembered.
 *
 * @typeParam Named what names an answer; `nameOf` says under which name it is remembered
 * @typeParam Asked what is needed to fetch it
 */
export class Briefly<Answer, Named = string, Asked extends Named = Named> {
  readonly #known = new Map<string, Known<Answer>>();

  constructor(
    private readonly lifeMs: number,
    private readonly fetch: (asked: Asked) => Promise<Answer>,
    private readonly nameOf: (asked: Named) => string = String,
  ) {}

  get(asked: Asked, now = Date.now()): Promise<Answer> {
    const known = this.#known.get(this.nameOf(asked));
    return known && known.until > now ? known.answer : this.again(asked, now);
  }

  /** The answer if it is here: nobody waits then. */
  at(asked: Named, now = Date.now()): Answer | undefined {
    const known = this.#known.get(this.nameOf(asked));
    return known && known.until > now ? known.settled?.answer : undefined;
  }

  /** What is being fetched is forgotten too: it may have been read before the change. */
  forget(asked: Named): void {
    this.#known.delete(this.nameOf(asked));
  }

  forgetAll(): void {
    this.#known.clear();
  }

  /** Fetches anew, whatever is remembered. */
  again(asked: Asked, now = Date.now()): Promise<Answer> {
    const name = this.nameOf(asked);
    if (this.#known.size >= most) this.#known.clear();
    const answer = this.fetch(asked);
    const known: Known<Answer> = { answer, until: now + this.lifeMs };
    this.#known.set(name, known);
    answer.then(
      (settled) => {
        known.settled = { answer: settled };
      },
      () => {
        if (this.#known.get(name) === known) this.#known.delete(name);
      },
    );
    return answer;
  }
}
