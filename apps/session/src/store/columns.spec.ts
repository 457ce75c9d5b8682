import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { statement } from '#postgres/postgres';
import { asked, type Columns, valuesOf } from './columns.js';
import { type Replicas, twoReplicas } from './testing.js';

interface Row {
  readonly name: string | null;
  readonly count: number | null;
  readonly share: number | undefined;
  readonly digest: Buffer | null;
  readonly named: boolean | null;
}

let replicas: Replicas;
beforeAll(async () => {
  replicas = await twoReplicas();
});
afterAll(() => replicas.end());

const columns: Columns<Row> = {
  name: ['text', (row) => row.name],
  count: ['int', (row) => row.count],
  share: ['float8', (row) => row.share],
  digest: ['bytea', (row) => row.digest],
  named: ['boolean', (row) => row.named],
};
const echo = statement(
  'spec.echo',
  `SELECT name, count, share, digest, named FROM ${asked(columns)} ORDER BY position`,
);

// Postgres keeps no NUL and no half of a surrogate pair; no value of ours has one (zod).
const text = fc.string({ unit: 'grapheme' }).filter((value) => !value.includes('\0'));
const name = fc.oneof(text, fc.constantFrom('', 'NULL', 'null', '{}', '{"a":["b\\\\",1]}', '\\', '"', ' a, b '));
const row: fc.Arbitrary<Row> = fc.record({
  name: fc.option(name),
  count: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
  share: fc.option(
    fc.double({ noNaN: true }).map((share) => share + 0),
    { nil: undefined },
  ),
  digest: fc.option(fc.uint8Array().map((bytes) => Buffer.from(bytes))),
  named: fc.option(fc.boolean()),
});

describe('the parameters of a group', () => {
  it('arrive in Postgres as they were, whatever they contain', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 20 }), async (rows) => {
        const echoed = await replicas.postgres.query(echo, valuesOf(columns, rows));
        expect(echoed).toEqual(rows.map((sent) => ({ ...sent, share: sent.share ?? null })));
      }),
    );
  });
});
