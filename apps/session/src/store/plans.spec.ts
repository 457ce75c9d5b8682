import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { Pool } from 'pg';
import type { NewFact } from '#contracts/fact';
import { GroupedFacts } from '#outbox/grouped-facts';
import { Outbox } from '#outbox/outbox';
import { poolOptions } from '#postgres/data-source';
import { Postgres, statement } from '#postgres/postgres';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { store } from './data-source.js';
import { SessionsStore } from './sessions.store.js';
import { chain, child, newClient, opening, refreshing } from './testing.js';

let scratch: ScratchStore;
let pool: Pool;
beforeAll(async () => {
  scratch = await scratchStore(store);
  pool = new Pool({ ...poolOptions(scratch), min: 1, max: 1 });
});
afterAll(async () => {
  await pool.end();
  await scratch.drop();
});

const plansOf = statement('spec.plans', 'SELECT name, custom_plans::int AS custom FROM pg_prepared_statements');

/** Postgres plans a statement anew five times before it compares what that costs with one plan for all. */
const anew = 5;
const times = 12;

it('what comes alone is not planned anew each time', async () => {
  const postgres = new Postgres(pool);
  const sessions = new SessionsStore(postgres);
  const outbox = new Outbox();
  const facts = new GroupedFacts(postgres, outbox);
  const clientId = newClient();
  const fact: NewFact = {
    type: 'user.updated',
    clientId,
    subject: 'user/1',
    body: { userId: '1', fields: ['locale'] },
  };
  const parent = chain({ clientId });
  await sessions.open(parent);
  for (let generation = 0; generation < times; generation += 1) {
    const row = opening({ clientId });
    await sessions.open(row);
    await sessions.open(row);
    await sessions.open(chain({ clientId, mostPerSubject: 2 * times }));
    await sessions.open(child(parent));
    await sessions.refresh(refreshing(parent, generation));
    await sessions.find(parent);
    await postgres.transaction((tx) => outbox.write(tx, [fact]));
    await facts.write(fact);
  }
  const plans = await postgres.query<{ name: string; custom: number }>(plansOf);
  const planned = plans.filter(({ name }) => name !== plansOf.name);
  expect(Object.fromEntries(planned.map(({ name, custom }) => [name, custom]))).toEqual({
    'session.open': anew,
    'session.meet': anew,
    'session.openFew': anew,
    'session.openChild': anew,
    'session.refresh': anew,
    'session.find': anew,
    'outbox.insert': anew,
    'outbox.insert_grouped': anew,
  });
});
