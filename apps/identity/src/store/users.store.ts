import { Injectable } from '@nestjs/common';
import { Outbox } from '#outbox/outbox';
import { Grouped } from '#postgres/grouped';
import { Postgres, type Queryable, statement } from '#postgres/postgres';
import type { Patch, User } from '../domain/identity.js';
import {
  type Creation,
  create,
  erase,
  named,
  restore,
  startTotp,
  stopTotp,
  suspend,
  update,
  type Whom,
} from './administering.js';
import { forgetAnonymous, insertAnonymous, type Start } from './anonymous.js';
import { arriveTogether, type Outcome } from './arriving.js';
import { Growth } from './growth.js';
import { decide, isErasedMeanwhile } from './overtaken.js';
import { settle } from './settling.js';
import { type Arrived, type Arriving, living, type UserRow, userColumns, userOf } from './sql.js';

/** Exact matches; several must all hold. */
export interface UserFilter {
  readonly clientId: string;
  readonly externalId?: string | undefined;
  readonly emailKey?: string | undefined;
}

@Injectable()
export class UsersStore {
  private readonly arrivals: Grouped<Arriving, Outcome>;
  private readonly growth: Growth;

  constructor(
    private readonly postgres: Postgres,
    private readonly outbox: Outbox,
  ) {
    this.growth = new Growth(postgres);
    this.arrivals = new Grouped({
      run: (rows) => arriveTogether(postgres, rows),
      keys: keysOf,
      maxRows: 100,
      maxWaiting: 5000,
    });
  }

  /**
   * Makes or updates the user the link names, with the facts of it. A link that is not news changes nothing, nor does
   * one of a suspended user: look at `user.status`.
   *
   * @throws LinkRefused it came from before the user's erasure, or with the e-mail of another where that is not wanted
   */
  async arrive(arrival: Arriving): Promise<Arrived> {
    const outcome = arrival.handle ? null : await this.arriveGrouped(arrival);
    const arrived = outcome ?? (await settle(this.postgres, this.outbox, arrival));
    if (!outcome || outcome.told) this.outbox.kick();
    if (arrived.created) this.growth.add(1);
    return arrived;
  }

  /** Makes an anonymous account, which lives for 30 days unless it is merged. */
  async startAnonymous(start: Start): Promise<User> {
    const user = await insertAnonymous(this.postgres, start);
    this.outbox.kick();
    this.growth.add(1);
    return user;
  }

  /**
   * Deletes anonymous accounts that were not merged in time.
   *
   * @returns how many; as many as `most` when there may be more
   */
  async forgetAnonymous(most: number): Promise<number> {
    const forgotten = await forgetAnonymous(this.postgres, most);
    if (forgotten > 0) this.outbox.kick();
    return forgotten;
  }

  /**
   * Makes a user, or nothing.
   *
   * @throws Fault `user.already_exists` for the externalId, `user.email_already_exists`
   */
  async create(creation: Creation): Promise<User> {
    const user = await this.administer((tx) => create(tx, this.outbox, creation));
    this.growth.add(1);
    return user;
  }

  /**
   * @param placeholder the e-mail of a user who gives up a real one
   * @throws Fault `user.missing`, `user.already_exists` for the externalId, `user.email_already_exists`
   */
  update(whom: Whom, patch: Patch, placeholder: string): Promise<User> {
    return this.administer((tx) => update(tx, this.outbox, whom, patch, placeholder));
  }

  /** @throws Fault `user.missing` */
  suspend(whom: Whom): Promise<User> {
    return this.administer((tx) => suspend(tx, this.outbox, whom));
  }

  /** @throws Fault `user.missing` */
  restore(whom: Whom): Promise<User> {
    return this.administer((tx) => restore(tx, this.outbox, whom));
  }

  /**
   * Gives the user a second factor, instead of any before.
   *
   * @param seal its secret, for the user it gets
   * @throws Fault `user.missing`
   */
  startTotp(whom: Whom, seal: (user: User) => string): Promise<User> {
    return this.administer((tx) => startTotp(tx, this.outbox, whom, seal));
  }

  /** @throws Fault `user.missing` */
  stopTotp(whom: Whom): Promise<void> {
    return this.administer((tx) => stopTotp(tx, this.outbox, whom));
  }

  /** @throws Fault `user.missing`; not where it is erased already */
  erase(whom: Whom): Promise<void> {
    return this.administer((tx) => erase(tx, this.outbox, whom));
  }

  /** The user an id names, also when that id was absorbed. */
  async find(clientId: string, userId: string): Promise<User | null> {
    const [row] = await this.postgres.query<UserRow>(get, [clientId, userId]);
    return row ? userOf(row) : null;
  }

  /** The user whom the client calls so, byte for byte. */
  async findByExternalId(clientId: string, externalId: string): Promise<User | null> {
    const [row] = await this.postgres.query<UserRow>(getByExternalId, [clientId, externalId]);
    return row ? userOf(row) : null;
  }

  /** The users after `after`, oldest first. */
  async page({ clientId, externalId, emailKey }: UserFilter, after: string | null, limit: number): Promise<User[]> {
    const { query, values } = pageQuery(externalId, emailKey);
    const rows = await this.postgres.query<UserRow>(query, [clientId, after ?? beforeAll, limit, ...values]);
    return rows.map(userOf);
  }

  private async arriveGrouped(arrival: Arriving): Promise<Outcome> {
    return this.arrivals.add(arrival).catch((error: unknown) => {
      if (isErasedMeanwhile(error)) return null;
      throw error;
    });
  }

  private async administer<T>(work: (tx: Queryable) => Promise<T>): Promise<T> {
    const result = await decide(this.postgres, work);
    this.outbox.kick();
    return result;
  }
}

/** Arrivals of one user, or with one e-mail, never share a statement. JSON: no client can make its key another's. */
function keysOf({ clientId, externalId, email }: Arriving): string[] {
  const user = JSON.stringify([clientId, 'user', externalId]);
  return email ? [user, JSON.stringify([clientId, 'email', email.key])] : [user];
}

const get = statement('identity.get', `SELECT ${userColumns('users')} FROM ${named} AND users.status IN ${living}`);

/** By its unique index; whoever is absorbed or erased bears no externalId. */
const getByExternalId = statement(
  'identity.get_by_external_id',
  `SELECT ${userColumns('users')} FROM users WHERE client_id = $1 AND external_id = $2`,
);

const beforeAll = '00000000-0000-0000-0000-000000000000';

/** A statement for each set of filters: Postgres plans a condition that is there, not one that might be. */
function pageQuery(externalId: string | undefined, emailKey: string | undefined) {
  const filters = [
    ...(externalId === undefined ? [] : [{ column: 'external_id', value: externalId }]),
    ...(emailKey === undefined ? [] : [{ column: 'email_key', value: emailKey }]),
  ];
  const conditions = filters.map(({ column }, index) => ` AND ${column} = $${index + 4}`).join('');
  const query = statement(
    ['identity.page', ...filters.map(({ column }) => column)].join('.'),
    `SELECT ${userColumns('users')} FROM users
     WHERE client_id = $1 AND user_id > $2 AND status IN ${living}${conditions}
     ORDER BY user_id LIMIT $3`,
  );
  return { query, values: filters.map(({ value }) => value) };
}
