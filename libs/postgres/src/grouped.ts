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

/** Two are enough: while one is being written to disk, the other is on its way. More would make the groups smaller. */
const maxInFlight = 2;

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
      this.enqueue({ row, resolve, reject, deadline: currentCall()?.deadline, keys: this.options.keys(row) });
    });
  }

  private enqueue(added: Omit<Entry<Row, Answer>, 'ahead' | 'behind'>): void {
    const entry: Entry<Row, Answer> = { ...added, ahead: 0, behind: [] };
    this.unanswered += 1;
    for (const key of entry.keys) {
      const previous = this.last.get(key);
      if (previous === entry) continue;
      if (previous) {
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
    this.scheduled = true;
    // Not in the context of the call that happened to come first: its deadline is not the group's.
    outsideCalls(() => setImmediate(() => this.flush()));
  }

  private flush(): void {
    this.scheduled = false;
    while (this.ready.length > 0 && this.inFlight < maxInFlight) {
      void this.write(this.ready.splice(0, this.options.maxRows));
    }
  }

  private async write(entries: Entry<Row, Answer>[]): Promise<void> {
    this.inFlight += 1;
    const now = Date.now();
    const late = entries.filter(({ deadline }) => deadline !== undefined && deadline <= now);
    const timely = late.length === 0 ? entries : entries.filter((entry) => !late.includes(entry));
    for (const { reject } of late) {
      reject(new Fault('service.unavailable', { cause: new Error('The deadline has passed') }));
    }
    if (timely.length > 0) await this.answer(timely);
    this.inFlight -= 1;
    this.leave(entries);
    this.schedule();
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
      for (const next of entry.behind) {
        next.ahead -= 1;
        if (next.ahead === 0) this.ready.push(next);
      }
    }
  }
}

interface Entry<Row, Answer> {
  readonly row: Row;
  readonly keys: string[];
  /** Epoch ms. */
  readonly deadline: number | undefined;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
  /** How many keys still belong to an earlier row. */
  ahead: number;
  readonly behind: Entry<Row, Answer>[];
}

/** Taken while the module loads, when no call is being served. */
const outsideCalls = AsyncLocalStorage.snapshot();
