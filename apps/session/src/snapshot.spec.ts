import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { session } from '#contracts/session';
import { Heard } from './heard.js';
import { Snapshot } from './snapshot.js';
import { RevocationStore } from './store/revocation.store.js';
import { chain, newClient, opened, type Replicas, twoReplicas } from './store/testing.js';

let replicas: Replicas;
let snapshot: Snapshot;
beforeAll(async () => {
  replicas = await twoReplicas();
  snapshot = new Snapshot(new RevocationStore(replicas.postgres), new Heard());
});
afterAll(() => replicas.end());

/** All pages, as a gateway reads them. */
async function wholeSet() {
  const set = { sessions: new Map<string, number>(), epochs: new Map<string, { least: number; until: number }>() };
  let pages = 0;
  for (let cursor: string | null | undefined; cursor !== null; pages += 1) {
    const page = session.snapshot.reply.parse(await snapshot.run(cursor === undefined ? {} : { cursor }));
    expect(page.sessions.length + page.epochs.length).toBeLessThanOrEqual(2000);
    for (const { sessionId, until } of page.sessions) set.sessions.set(sessionId, until);
    for (const { subject, least, until } of page.epochs) set.epochs.set(subject, { least, until });
    cursor = page.nextCursor;
  }
  return { ...set, pages };
}

const seconds = (at: Date | undefined) => Math.ceil((at?.getTime() ?? 0) / 1000);

describe('the revocation set', () => {
  it('names closed sessions until their end, and no living or expired one', async () => {
    const clientId = newClient();
    const [closed, living, expired] = [chain({ clientId }), chain({ clientId }), chain({ clientId })];
    const { session: one } = await opened(replicas.one, closed);
    await Promise.all([living, expired].map((row) => opened(replicas.one, row)));
    for (const { sessionId } of [closed, expired])
      await replicas.one.closeOne({ clientId, reason: 'admin', traceparent: null }, sessionId, null);
    await replicas.sql('UPDATE sessions SET expires_at = now() WHERE session_id = $1', [expired.sessionId]);
    const { sessions } = await wholeSet();
    expect(sessions.get(closed.sessionId)).toBe(seconds(one.expiresAt));
    expect(sessions.has(living.sessionId)).toBe(false);
    expect(sessions.has(expired.sessionId)).toBe(false);
  });

  it('names epochs as long as they matter; a client’s own is for another to tell', async () => {
    const clientId = newClient();
    const [subject, past] = [randomUUID(), randomUUID()];
    await replicas.epochs.raise([
      { clientId, subject, least: 3 },
      { clientId, subject: past, least: 1 },
      { clientId, subject: null, least: 1 },
    ]);
    await replicas.sql('UPDATE epochs SET matters_until = now() WHERE subject = $1', [past]);
    const { epochs } = await wholeSet();
    expect(epochs.get(subject)).toMatchObject({ least: 3 });
    expect(epochs.get(subject)?.until).toBeGreaterThan(Date.now() / 1000 + 24 * 3600);
    expect(epochs.has(past)).toBe(false);
    expect(epochs.has('client')).toBe(false);
  });

  it('comes in pages that miss and repeat nothing, also where all ends are the same', async () => {
    await replicas.sql('DELETE FROM sessions');
    await replicas.sql('DELETE FROM epochs');
    const clientId = newClient();
    await replicas.sql(
      `INSERT INTO sessions (client_id, session_id, subject, epoch, client_epoch, protocol, scopes, mac_key, created_at, auth_time, expires_at, closed_at)
       SELECT $1, gen_random_uuid(), 'x', 0, 0, 'api-link', '[]', 'k1', now(), now(), now() + interval '1 day' + (g / 3000) * interval '1 microsecond', now()
       FROM generate_series(1, 4500) g`,
      [clientId],
    );
    await replicas.epochs.raise(Array.from({ length: 2300 }, () => ({ clientId, subject: randomUUID(), least: 1 })));
    const { sessions, epochs, pages } = await wholeSet();
    expect([sessions.size, epochs.size, pages]).toEqual([4500, 2300, 4]);
  });

  it('refuses a cursor it never gave out', async () => {
    await expect(snapshot.run({ cursor: 'x' })).rejects.toMatchObject({ code: 'cursor.invalid' });
  });
});
