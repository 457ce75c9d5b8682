import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import { Grouped } from '#postgres/grouped';
import { Postgres } from '#postgres/postgres';
import type { SessionName } from '../domain/credential.js';
import type { Session } from '../domain/session.js';
import { type Closing, closeAll, closeOldest, closeOne } from './closing.js';
import { forgetSome, forgetSomeCrowds } from './forgetting.js';
import { meet, type NotOpened } from './meeting.js';
import {
  insertAll,
  insertAllBelow,
  insertAllFew,
  insertOne,
  type Opened,
  type Opening,
  openingOrder,
} from './opening.js';
import { findAll, listAll, type Wanted } from './reading.js';
import { endChain, type Judged, judge, type Refreshing, refreshingOrder } from './refreshing.js';
import { openInPlace, type Switch } from './replacing.js';

/** A group stays small enough that its statement is a matter of milliseconds. */
const size = { maxRows: 200, maxWaiting: 10_000 };

/** Sessions at rest. Every change is written together with its facts; hot ones are grouped. */
@Injectable()
export class SessionsStore {
  readonly #roots: Grouped<Opening, Opened | null>;
  readonly #few: Grouped<Opening, Opened | null>;
  readonly #children: Grouped<Opening, Opened | null>;
  readonly #meetings: Grouped<Opening, Opened | NotOpened>;
  readonly #refreshes: Grouped<Refreshing, Judged | null>;
  readonly #reads: Grouped<Wanted, Session | null>;
  /** Refreshes that are not sent yet, by the very link they present, the door they came by and who asks. */
  readonly #waiting = new Map<string, Promise<Judged | null>>();

  constructor(private readonly postgres: Postgres) {
    const keys = (row: Opening) => [
      `id ${sessionKey(row)}`,
      ...(row.origin === null ? [] : [`origin ${row.clientId} ${row.origin}`]),
    ];
    this.#roots = new Grouped({
      ...size,
      keys,
      run: inOrder(openingOrder, (rows) => insertAll(postgres, rows)),
    });
    this.#few = new Grouped({
      ...size,
      keys: (row) => [...keys(row), `crowd ${row.clientId} ${row.subject} ${row.protocol}`],
      run: inOrder(openingOrder, (rows) => insertAllFew(postgres, rows)),
    });
    this.#children = new Grouped({
      ...size,
      keys,
      run: inOrder(openingOrder, (rows) => insertAllBelow(postgres, rows)),
    });
    this.#meetings = new Grouped({ ...size, keys: () => [], run: (rows) => meet(postgres, rows) });
    this.#refreshes = new Grouped({
      ...size,
      keys: (row) => [sessionKey(row)],
      run: inOrder(refreshingOrder, (rows) => this.#judge(rows)),
    });
    this.#reads = new Grouped({ ...size, keys: () => [], run: (rows) => findAll(postgres, rows) });
  }

  /**
   * Opens a session once per origin; a second statement, in a younger snapshot, says why not. What its subject then has
   * too many of is closed before the answer.
   *
   * @throws Fault `service.silent` also where only that closing failed: the session is open
   */
  async open(opening: Opening): Promise<Opened | Switch | NotOpened> {
    const met = (await this.#opened(opening)) ?? (await this.#meetings.add(opening));
    if (met.outcome === 'opened' && met.crowded) await this.#closeOldest(met.session, opening);
    return met;
  }

  /** @returns the live session, else `null`; with a `generation` only if that is the newest of its chain */
  find(name: Wanted): Promise<Session | null> {
    return this.#reads.add(name);
  }

  /**
   * Judges a refresh token and does what follows from it. The same token that comes again before its statement is sent
   * shares the answer, as a repeat; one that comes later is judged for itself, so that it cannot be told what was true
   * before a session was closed.
   *
   * @returns `null` when there is no such session
   */
  async refresh(refreshing: Refreshing): Promise<Judged | null> {
    const key = askKey(refreshing);
    const waiting = this.#waiting.get(key);
    if (waiting) return asLater(await waiting);

    const answer = this.#judged(refreshing);
    this.#waiting.set(key, answer);
    try {
      return await answer;
    } finally {
      if (this.#waiting.get(key) === answer) this.#waiting.delete(key);
    }
  }

  /** Ends a session and all that hang on it. @param subject whose it must be; `null` = whoever's. @returns how many */
  closeOne(closing: Closing, sessionId: string, subject: string | null): Promise<number> {
    return this.postgres.transaction((tx) => closeOne(tx, closing, sessionId, subject));
  }

  /** Ends all live sessions of a subject. @returns how many */
  closeAll(closing: Closing, subject: string): Promise<number> {
    return this.postgres.transaction((tx) => closeAll(tx, closing, subject));
  }

  /** The live sessions of a subject, newest first; at most 500. */
  list(clientId: string, subject: string): Promise<Session[]> {
    return listAll(this.postgres, clientId, subject);
  }

  /** Deletes at most `most` rows that nothing needs any more. @returns how many */
  forget(most: number): Promise<number> {
    return forgetSome(this.postgres, most);
  }

  /** Deletes at most `most` rows of crowds that nobody joined for a day. @returns how many */
  forgetCrowds(most: number): Promise<number> {
    return forgetSomeCrowds(this.postgres, most);
  }

  #opened(opening: Opening): Promise<Opened | Switch | null> {
    if (opening.presented !== null) return this.postgres.transaction((tx) => openInPlace(tx, opening));
    if (opening.parentId === null) return (opening.mostPerSubject === null ? this.#roots : this.#few).add(opening);
    return this.#openedBelow(opening);
  }

  async #openedBelow(opening: Opening): Promise<Opened | null> {
    return (await this.#children.add(opening)) ?? (await insertOne(this.postgres, opening));
  }

  /** In a snapshot younger than the session, so that of several at once the last sees all. */
  async #closeOldest(session: Session, { mostPerSubject, traceparent }: Opening): Promise<void> {
    if (mostPerSubject === null) return;
    try {
      await this.postgres.transaction((tx) => closeOldest(tx, session, mostPerSubject, traceparent));
    } catch (cause) {
      // The session is open: nobody may be told that nothing happened.
      throw new Fault('service.silent', { cause });
    }
  }

  async #judged(refreshing: Refreshing): Promise<Judged | null> {
    const judged = await this.#refreshes.add(refreshing);
    if (judged?.verdict !== 'reused') return judged;
    const endedNow = await this.postgres.transaction((tx) => endChain(tx, refreshing));
    return endedNow ? judged : { ...judged, verdict: 'ended' };
  }

  #judge(rows: Refreshing[]): Promise<(Judged | null)[]> {
    for (const row of rows) this.#waiting.delete(askKey(row));
    return judge(this.postgres, rows);
  }
}

const sessionKey = ({ clientId, sessionId }: SessionName) => `${clientId} ${sessionId}`;
const askKey = (row: Refreshing) =>
  `${sessionKey(row)} ${row.generation} ${row.protocols.join(' ')} ${row.app?.toString('hex') ?? ''}`;

/** What whoever shares an answer would have got after it. */
function asLater(judged: Judged | null): Judged | null {
  if (judged?.verdict === 'rotated') return { ...judged, verdict: 'repeated' };
  return judged?.verdict === 'reused' ? { ...judged, verdict: 'ended' } : judged;
}

/** Sends a group's rows sorted, and answers in the order they came. */
function inOrder<Row, Answer>(keyOf: (row: Row) => string, run: (rows: Row[]) => Promise<Answer[]>) {
  return async (rows: Row[]): Promise<Answer[]> => {
    if (rows.length === 1) return run(rows);
    const keys = rows.map(keyOf);
    const order = Array.from(keys.keys()).sort((a, b) => ((keys[a] as string) < (keys[b] as string) ? -1 : 1));
    const answers = await run(order.map((index) => rows[index] as Row));
    const inPlace = new Array<Answer>(rows.length);
    order.forEach((index, position) => {
      inPlace[index] = answers[position] as Answer;
    });
    return inPlace;
  };
}
