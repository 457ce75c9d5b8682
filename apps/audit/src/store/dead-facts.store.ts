import { Injectable } from '@nestjs/common';
import type { Fact } from '#contracts/fact';
import { Postgres, statement } from '#postgres/postgres';
import { sha256 } from '#secrets/digest';

/** Facts that could not be kept, each with how often it was tried: the count outlives the process. */
@Injectable()
export class DeadFactsStore {
  constructor(private readonly postgres: Postgres) {}

  /**
   * Notes one more failed try.
   *
   * @param problem what was wrong
   * @returns how many tries there have been
   */
  async count(fact: Fact, problem: string): Promise<number> {
    const text = JSON.stringify(fact);
    const clientId = /^[a-z0-9]{8,36}$/.test(fact.clientId) ? fact.clientId : '_';
    const [row] = await this.postgres.query<{ tries: number }>(countTry, [clientId, sha256(text), text, problem]);
    return row?.tries ?? 1;
  }
}

const countTry = statement(
  'audit.count_try',
  `INSERT INTO dead_facts AS dead (client_id, digest, fact, problem) VALUES ($1, $2, $3, $4)
   ON CONFLICT (client_id, digest) DO UPDATE SET tries = dead.tries + 1, last_at = now(), problem = excluded.problem
   RETURNING tries`,
);
