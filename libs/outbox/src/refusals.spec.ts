import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { newCall, withCall } from '#bus/call';
import type { NewFact } from '#contracts/fact';
import { createLog } from '#log/log';
import { statement } from '#postgres/postgres';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { GroupedFacts } from './grouped-facts.js';
import { Outbox } from './outbox.js';
import { type Refusal, Refusals } from './refusals.js';
import { createOutbox, dropOutbox } from './table.js';

class CreateOutbox1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const sql of createOutbox) await runner.query(sql);
  }
  async down(runner: QueryRunner): Promise<void> {
    for (const sql of dropOutbox) await runner.query(sql);
  }
}

const log = createLog({ service: 'spec', level: 'silent' });
const inOutbox = statement(
  'spec.refusals',
  `SELECT client_id AS "clientId", type, subject, traceparent, body FROM outbox ORDER BY position`,
);

let scratch: ScratchStore;
let refusals: Refusals;
beforeEach(async () => {
  scratch = await scratchStore({ entities: [], migrations: [CreateOutbox1763600000000] });
  refusals = new Refusals(new GroupedFacts(scratch.postgres, new Outbox()), log);
});
afterEach(() => scratch.drop());

type Written = NewFact & {
  traceparent: string | null;
  body: { count?: number; supports?: string[]; support?: string };
};
const written = () => scratch.postgres.query<Written>(inOutbox);
const counted = async () => (await written()).filter(({ body }) => body.count !== undefined);

const support = (number: number) => String(number).padStart(10, '0');
const link = (number: number, reason: 'expired' | 'signature' = 'expired', clientId = 'acme0000'): Refusal => ({
  ...{ type: 'link.refused', clientId, subject: `link/${support(number)}` },
  body: { support: support(number), reason, address: 'a' },
});
const key = (): Refusal => ({
  ...{ type: 'key.refused', clientId: 'acme0000', subject: 'attempt/x' },
  body: { reason: 'secret', address: 'a' },
});
const knock = (number: number, refusal = link(number), address = 'a') =>
  refusals.record(refusal, { address, support: support(number) });
const flood = () => Promise.all(Array.from({ length: 600 }, (_, number) => knock(number)));

describe('Refusals', () => {
  it('are committed, as they are told and with their trace, before they are answered', async () => {
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`;
    await withCall(newCall(Date.now(), 1000, traceparent), () => knock(1));
    expect(await written()).toMatchObject([{ ...link(1), traceparent: expect.stringContaining('a'.repeat(32)) }]);
  });

  it('are written one by one up to 600 a minute and address, then as one row a second', async () => {
    refusals.onModuleInit();
    await flood();
    await Promise.all([700, 701, 702].map((number) => knock(number)));
    await knock(703, link(703), 'another address');
    expect(await written()).toHaveLength(601);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(await counted()).toMatchObject([
      { ...link(700), body: { ...link(700).body, count: 3, supports: [700, 701, 702].map(support) } },
    ]);
    await refusals.onModuleDestroy();
    expect(await written()).toHaveLength(602);
  });

  it('stand together only where they say the same, and all are written when the process ends', async () => {
    await flood();
    await knock(1);
    await knock(2);
    await knock(3, link(3, 'signature'));
    await knock(4, link(4, 'expired', 'other000'));
    await knock(5, key());
    await knock(6, key());
    await refusals.onModuleDestroy();
    const rows = (await counted()).map(({ type, clientId, body }) => ({ type, clientId, ...body }));
    expect(rows.toSorted((a, b) => String(a.supports).localeCompare(String(b.supports)))).toEqual([
      expect.objectContaining({ clientId: 'acme0000', reason: 'expired', count: 2, supports: [1, 2].map(support) }),
      expect.objectContaining({ clientId: 'acme0000', reason: 'signature', count: 1, supports: [support(3)] }),
      expect.objectContaining({ clientId: 'other000', reason: 'expired', count: 1, supports: [support(4)] }),
      { type: 'key.refused', clientId: 'acme0000', reason: 'secret', address: 'a', count: 2 },
    ]);
  });

  it('are split where one row would name too many', async () => {
    await flood();
    await Promise.all(Array.from({ length: 2300 }, (_, number) => knock(number)));
    await refusals.onModuleDestroy();
    const rows = await counted();
    expect(rows.map(({ body }) => body.count)).toEqual([1000, 1000, 300]);
    expect(new Set(rows.flatMap(({ body }) => body.supports)).size).toBe(2300);
  });
});
