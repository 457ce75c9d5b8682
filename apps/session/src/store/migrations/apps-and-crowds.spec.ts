import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import { store } from '../data-source.js';

let scratch: ScratchStore;
beforeAll(async () => {
  scratch = await scratchStore(store);
  await scratch.dataSource.undoLastMigration();
});
afterAll(() => scratch.drop());

it('knows of every session that is open already when its user was asked who they are', async () => {
  const [root, other, middle, leaf, orphan] = Array.from({ length: 5 }, () => randomUUID());
  const insert = (sessionId: string | undefined, clientId: string, parentId: string | null | undefined, hour: number) =>
    scratch.dataSource.query(
      `INSERT INTO sessions (client_id, session_id, parent_id, subject, epoch, client_epoch, protocol, scopes, mac_key, created_at, expires_at)
       VALUES ($1, $2, $3, 'x', 0, 0, 'claim', '[]', 'k1', timestamptz '2026-01-01Z' + $4 * interval '1 h', now())`,
      [clientId, sessionId, parentId, hour],
    );
  await insert(root, 'acme1234', null, 1);
  await insert(other, 'other123', null, 2);
  await insert(middle, 'acme1234', root, 3);
  await insert(leaf, 'acme1234', middle, 4);
  // The session it hangs on was forgotten.
  await insert(orphan, 'acme1234', randomUUID(), 5);
  // The ids of another client's sessions say nothing.
  await insert(root, 'other123', other, 6);

  await scratch.dataSource.runMigrations({ transaction: 'each' });
  const rows: { client_id: string; session_id: string; hour: number }[] = await scratch.dataSource.query(
    `SELECT client_id, session_id, extract(hour FROM auth_time AT TIME ZONE 'UTC')::int AS hour FROM sessions
     ORDER BY created_at`,
  );
  expect(rows.map(({ client_id, session_id, hour }) => [client_id, session_id, hour])).toEqual([
    ['acme1234', root, 1],
    ['other123', other, 2],
    ['acme1234', middle, 1],
    ['acme1234', leaf, 1],
    ['acme1234', orphan, 5],
    ['other123', root, 2],
  ]);
});
