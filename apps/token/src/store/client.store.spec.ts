import { expect, it } from '@jest/globals';
import { statement } from '#postgres/postgres';
import { openStore } from '../testing.js';
import { ClientStore } from './client.store.js';

const generic = statement('spec.generic', 'SET LOCAL plan_cache_mode = force_generic_plan');
const explain = statement('spec.explain', `EXPLAIN EXECUTE "token.find_clients_listing"('host:h7', 2)`);

it('among many clients the one that lists a host is looked up by index, whatever is asked for', async () => {
  const store = await openStore();
  await store.dataSource.query(
    `INSERT INTO clients (client_id, name, settings, listed)
     SELECT 'c' || lpad(n::text, 10, '0'), 'x', '{}', ARRAY['host:h' || n, 'origin:https://o' || n]
     FROM generate_series(1, 5000) n`,
  );
  await store.dataSource.query('ANALYZE clients');
  const { found, plan } = await store.postgres.transaction(async (tx) => {
    await tx.query(generic);
    const clientIds = await new ClientStore(store.postgres).findListing({ host: 'h7' }, 2, tx);
    return { found: clientIds, plan: await tx.query(explain) };
  });
  expect(found).toEqual(['c0000000007']);
  expect(JSON.stringify(plan)).toContain('clients_listed');
  await store.drop();
});
