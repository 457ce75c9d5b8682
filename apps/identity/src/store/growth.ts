import { type Postgres, statement } from '#postgres/postgres';

const first = 500;
const last = 100_000;

/**
 * Lets Postgres look at the table of users again each time it has doubled since this process started. A named statement
 * keeps the plan it got while the table was small, one that reads all users of the client, until the table is analysed;
 * autovacuum comes once a minute, which is too late for a first import.
 */
export class Growth {
  private users = 0;
  private next = first;

  constructor(private readonly postgres: Postgres) {}

  /** @param users how many were added */
  add(users: number): void {
    this.users += users;
    if (this.users < this.next || this.next > last) return;
    this.next = this.users * 2;
    // Where it fails autovacuum will have to do.
    this.postgres.query(analyze).catch(() => {});
  }
}

const analyze = statement('identity.analyze', 'ANALYZE users');
