import { AsyncLocalStorage } from 'node:async_hooks';
import pg from 'pg';
import { currentCall } from '#bus/call';
import { Fault } from '#contracts/fault';

export interface GroupedOptions<Row, Answer> {
  /**
   * Writes the rows with one statement and answers for each, in the order of `rows`. Rows never share a key, so
   * `ON CONFLICT` meets none of them twice; sort by key inside the statement, so that replicas do not deadlock.
   */
  run(rows: Row[]): Promise<Answer[]>;
  /** What the row touches. Rows that share a key run one after another, in the order they came. */
  keys(row: Row): string[];
  readonly maxRows: number;
  /** Rows that wait or run; further ones are refused with `service.busy`. */
  readonly maxWaiting: number;
}

/**
 * A statement costs Postgres as much as ten to twenty of its rows, so while one is under way the rows that come gather
 * for the next. A second goes beside it only with enough rows, or when they have waited so long that the first may be
 * held up by somebody's lock; never a third.
 */
const maxInFlight = 2;
const worthASecond = 64;
const longestGatherMs = 15;

/**
 * Group commit: collects the writes of one event-loop turn and writes them with one statement, which costs the client
 * and Postgres a fifth to a tenth of single ones at full durability (performance.md, item 1).
 *
 * At low load a row waits for nothing but the end of its turn. The busier Postgres is, the larger the groups.
 */
export class Grouped<Row, Answer> {
  private readonly ready: Entry<Row, Answer>[] = [];
  /** The last row added for each key: the next with this key runs after it. */
  private readonly last = new Map<string, Entry<Row, Answer>>();
  private unanswered = 0;
  private inFlight = 0;
  private scheduled = false;
  private gathering: NodeJS.Timeout | undefined;

  constructor(private readonly options: GroupedOptions<Row, Answer>) {}

  /**
   * @returns the answer of `run` for this row
   * @throws Fault `service.busy` when too many wait, `service.unavailable` when the caller's deadline passed before the
   *   row was sent, and whatever `run` throws: a Fault fails all rows of a group (a lost connection is `service.silent`
   *   for each), an SQLSTATE error, which rolled back, only the rows that cause it
   */
  add(row: Row): Promise<Answer> {
    if (this.unanswered >= this.options.maxWaiting) {
      return Promise.reject(new Fault('service.busy', { cause: new Error(`${this.unanswered} rows wait`) }));
    }
    return new Promise((resolve, reject) => {
      const deadline = currentCall()?.deadline ?? Number.POSITIVE_INFINITY;
      this.enqueue({ row, keys: this.options.keys(row), deadline, resolve, reject, ahead: 0, behind: undefined });
    });
  }

  private enqueue(entry: Entry<Row, Answer>): void {
    this.unanswered += 1;
    for (const key of entry.keys) {
      const previous = this.last.get(key);
      if (previous === entry) continue;
      if (previous) {
        previous.behind ??= [];
        previous.behind.push(entry);
        entry.ahead += 1;
      }
      this.last.set(key, entry);
    }
    if (entry.ahead === 0) this.ready.push(entry);
    this.schedule();
  }

  private schedule(): void {
    if (this.scheduled || this.ready.length === 0 || this.inFlight >= maxInFlight) return;
    // Not in the context of the call that happened to come first: its deadline is not the group's.
    if (this.mayGo()) {
      this.scheduled = true;
      outsideCalls(() => setImmediate(() => this.flush()));
    } else {
      this.gathering ??= outsideCalls(() => setTimeout(() => this.flush(true), longestGatherMs));
    }
  }

  private mayGo(): boolean {
    return this.inFlight === 0 || this.ready.length >= Math.min(worthASecond, this.options.maxRows);
  }

  /** @param waitedLong whether the rows go with whatever is under way */
  private flush(waitedLong = false): void {
    if (!waitedLong) this.scheduled = false;
    clearTimeout(this.gathering);
    this.gathering = undefined;
    let go = waitedLong || this.mayGo();
    while (go && this.ready.length > 0 && this.inFlight < maxInFlight) {
      void this.write(this.ready.splice(0, this.options.maxRows));
      go = this.mayGo();
    }
    this.schedule();
  }

  private async write(entries: Entry<Row, Answer>[]): Promise<void> {
    this.inFlight += 1;
    const now = Date.now();
    const timely = entries.every(({ deadline }) => deadline > now) ? entries : this.refuseLate(entries, now);
    if (timely.length > 0) await this.answer(timely);
    this.inFlight -= 1;
    this.leave(entries);
    this.schedule();
  }

  /** @returns those that are still waited for */
  private refuseLate(entries: Entry<Row, Answer>[], now: number): Entry<Row, Answer>[] {
    return entries.filter(({ deadline, reject }) => {
      const timely = deadline > now;
      if (!timely) reject(new Fault('service.unavailable', { cause: new Error('The deadline has passed') }));
      return timely;
    });
  }

  /** Halves a group that failed and rolled back, until the rows that fail stand alone. */
  private async answer(entries: Entry<Row, Answer>[]): Promise<void> {
    try {
      const answers = await this.options.run(entries.map(({ row }) => row));
      if (answers.length !== entries.length) throw new Error(`${answers.length} answers for ${entries.length} rows`);
      entries.forEach(({ resolve }, index) => {
        resolve(answers[index] as Answer);
      });
    } catch (error) {
      if (entries.length > 1 && error instanceof pg.DatabaseError) {
        const half = entries.length >> 1;
        await this.answer(entries.slice(0, half));
        await this.answer(entries.slice(half));
      } else {
        for (const { reject } of entries) reject(error);
      }
    }
  }

  private leave(entries: Entry<Row, Answer>[]): void {
    this.unanswered -= entries.length;
    for (const entry of entries) {
      for (const key of entry.keys) if (this.last.get(key) === entry) this.last.delete(key);
      for (const next of entry.behind ?? []) {
        next.ahead -= 1;
        if (next.ahead === 0) this.ready.push(next);
      }
    }
  }
}

interface Entry<Row, Answer> {
  readonly row: Row;
  readonly keys: string[];
  /** Epoch ms; infinite where nobody gave one. */
  readonly deadline: number;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
  /** How many keys still belong to an earlier row. */
  ahead: number;
  behind: Entry<Row, Answer>[] | undefined;
}

/** Taken while the module loads, when no call is being served. */
const outsideCalls = AsyncLocalStorage.snapshot();
