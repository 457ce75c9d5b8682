import { Injectable } from '@nestjs/common';
import { Fault } from '#contracts/fault';
import { Outbox } from '#outbox/outbox';
import { Grouped } from '#postgres/grouped';
import { Postgres, statement } from '#postgres/postgres';
import { type Claims, givenFields, ownerName, type User } from '../domain/identity.js';
import { arriveTogether, type Outcome } from './arriving.js';
import { Growth } from './growth.js';
import { claimEmail, created, insertUser, newUser, settle } from './settling.js';
import { type Arrived, type Arriving, type Proposal, type UserRow, userColumns, userOf } from './sql.js';

/** A user an administrator makes. */
export interface Creation extends Claims {
  readonly clientId: string;
  readonly externalId: string | null;
  readonly proposal: Proposal;
}

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
   */
  async arrive(arrival: Arriving): Promise<Arrived> {
    const outcome = await this.arrivals.add(arrival);
    const arrived = outcome ?? (await settle(this.postgres, this.outbox, arrival));
    if (!outcome || outcome.told) this.outbox.kick();
    if (arrived.created) this.growth.add(1);
    return arrived;
  }

  /**
   * Makes a user, or nothing.
   *
   * @throws Fault `user.already_exists` for the externalId, `user.email_already_exists`
   */
  async create(creation: Creation): Promise<User> {
    const { clientId, externalId, proposal, email } = creation;
    const draft = newUser({ clientId, externalId, ...proposal }, creation, null);
    const user = await this.postgres.transaction(async (tx) => {
      const free = !email || (await claimEmail(tx, clientId, email.key, ownerName(draft), null));
      // An e-mail that is not free is left out: which of the two exists is told by the externalId first.
      const inserted = await insertUser(tx, free ? draft : { ...draft, email: proposal.placeholder, emailKey: null });
      if (!inserted) throw new Fault('user.already_exists');
      if (!free) throw new Fault('user.email_already_exists');
      await this.outbox.write(tx, [created(inserted, givenFields(creation))]);
      return inserted;
    });
    this.outbox.kick();
    this.growth.add(1);
    return user;
  }

  async find(clientId: string, userId: string): Promise<User | null> {
    const [row] = await this.postgres.query<UserRow>(get, [clientId, userId]);
    return row ? userOf(row) : null;
  }

  /** The users after `after`, oldest first. */
  async page({ clientId, externalId, emailKey }: UserFilter, after: string | null, limit: number): Promise<User[]> {
    const { query, values } = pageQuery(externalId, emailKey);
    const rows = await this.postgres.query<UserRow>(query, [clientId, after ?? beforeAll, limit, ...values]);
    return rows.map(userOf);
  }
}

/** Arrivals of one user, or with one e-mail, never share a statement. JSON: no client can make its key another's. */
function keysOf({ clientId, externalId, email }: Arriving): string[] {
  const user = JSON.stringify([clientId, 'user', externalId]);
  return email ? [user, JSON.stringify([clientId, 'email', email.key])] : [user];
}

const get = statement(
  'identity.get',
  `SELECT ${userColumns('users')} FROM users WHERE client_id = $1 AND user_id = $2`,
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
    `SELECT ${userColumns('users')} FROM users WHERE client_id = $1 AND user_id > $2${conditions}
     ORDER BY user_id LIMIT $3`,
  );
  return { query, values: filters.map(({ value }) => value) };
}
