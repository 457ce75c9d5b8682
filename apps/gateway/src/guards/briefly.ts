/** How many answers are remembered at most; who asks for invented names must not fill the memory. */
const most = 10_000;

/** Remembers answers for a moment. Whoever asks for the same while it is being fetched waits for the same answer; failures are not remembered. */
export class Briefly<Answer> {
  readonly #known = new Map<string, { readonly answer: Promise<Answer>; readonly until: number }>();

  constructor(
    private readonly lifeMs: number,
    private readonly fetch: (key: string) => Promise<Answer>,
  ) {}

  get(key: string, now = Date.now()): Promise<Answer> {
    const known = this.#known.get(key);
    return known && known.until > now ? known.answer : this.again(key, now);
  }

  /** What is being fetched is forgotten too: it may have been read before the change. */
  forget(key: string): void {
    this.#known.delete(key);
  }

  forgetAll(): void {
    this.#known.clear();
  }

  /** Fetches anew, whatever is remembered. */
  again(key: string, now = Date.now()): Promise<Answer> {
    if (this.#known.size >= most) this.#known.clear();
    const answer = this.fetch(key);
    this.#known.set(key, { answer, until: now + this.lifeMs });
    answer.catch(() => {
      if (this.#known.get(key)?.answer === answer) this.#known.delete(key);
    });
    return answer;
  }
}
