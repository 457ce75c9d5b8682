import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { store } from './data-source.js';

let scratch: ScratchStore;

beforeAll(async () => {
  scratch = await scratchStore(store);
});

afterAll(() => scratch.drop());

it('the migrations build what the entities describe', async () => {
  const { upQueries } = await scratch.dataSource.driver.createSchemaBuilder().log();
  expect(upQueries.map(({ query }) => query)).toEqual([]);
});

it('the migrations can be taken back', async () => {
  const other = await scratchStore(store);
  for (const _ of store.migrations) await other.dataSource.undoLastMigration();
  const left = await other.dataSource.query(
    `SELECT relname FROM pg_class WHERE relnamespace = $1::regnamespace AND relkind = 'r'
     UNION ALL SELECT proname FROM pg_proc WHERE pronamespace = $1::regnamespace`,
    [other.schema],
  );
  await other.drop();
  expect(left).toEqual([{ relname: 'migrations' }]);
});
