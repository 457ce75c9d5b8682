import { Injectable } from '@nestjs/common';
import type { Fact } from '#contracts/fact';
import { Postgres, statement } from '#postgres/postgres';
import { sha256 } from '#secrets/digest';

/** Facts that could not be recorded, whole, so that they can be stated again once the cause is mended. */
@Injectable()
export class DeadFactsStore {
  constructor(private readonly postgres: Postgres) {}

  /** @param problem what is wrong with it */
  async keep(fact: Fact, problem: string): Promise<void> {
    const text = JSON.stringify(fact);
    const clientId = /^[a-z0-9]{8,36}$/.test(fact.clientId) ? fact.clientId : '_';
    await this.postgres.query(keepFact, [clientId, sha256(text), text, problem]);
  }
}

const keepFact = statement(
  'audit.keep_dead_fact',
  `INSERT INTO dead_facts (client_id, digest, fact, problem) VALUES ($1, $2, $3, $4)
   ON CONFLICT (client_id, digest) DO NOTHING`,
);
