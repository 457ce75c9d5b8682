import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Opening } from './opening.js';
import { chain, newClient, opened, type Replicas, twoReplicas } from './testing.js';

let replicas: Replicas;
beforeAll(async () => {
  replicas = await twoReplicas();
});
afterAll(() => replicas.end());

let clientId: string;
beforeEach(() => {
  clientId = newClient();
});

const open = (given: Partial<Opening> = {}): Promise<Opening> => {
  const row = chain({ clientId, ...given });
  return opened(replicas.one, row).then(() => row);
};
const openMany = (count: number, given: Partial<Opening> = {}) =>
  Promise.all(Array.from({ length: count }, () => open(given)));

interface Stored {
  readonly subject: string;
  readonly least: number;
  readonly settled: boolean;
  readonly hours: number;
}
const stored = () =>
  replicas.sql<Stored>(
    `SELECT subject, least_epoch AS least, settled_at IS NOT NULL AS settled,
            round(extract(epoch FROM matters_until - raised_at) / 3600)::int AS hours
     FROM epochs WHERE client_id = $1 ORDER BY subject`,
    [clientId],
  );
const age = (interval: string) =>
  replicas.sql(
    `UPDATE epochs SET raised_at = raised_at - $2::interval, matters_until = matters_until - $2::interval,
            settled_at = settled_at - $2::interval WHERE client_id = $1`,
    [clientId, interval],
  );
const stillOpen = async () => {
  const [row] = await replicas.sql<{ count: number }>(
    'SELECT count(*)::int AS count FROM sessions WHERE client_id = $1 AND closed_at IS NULL',
    [clientId],
  );
  return row?.count;
};
const settleAll = async () => {
  while ((await replicas.epochs.settleSome(100)) > 0);
};

describe('epochs', () => {
  it('only rise, whatever the order and however often they are told, at once too', async () => {
    const subject = randomUUID();
    const told = Array.from({ length: 50 }, (_, index) => ({ clientId, subject, least: (index * 7) % 50 }));
    await Promise.all(told.map((each) => replicas.epochs.raise([each])));
    await replicas.epochs.raise(told);
    expect(await stored()).toMatchObject([{ subject, least: 49 }]);
  });

  it('are of one client only', async () => {
    const row = await open();
    await replicas.epochs.raise([{ clientId: newClient(), subject: row.subject, least: 5 }]);
    expect(await replicas.one.find(row)).not.toBeNull();
  });
});

describe('stale sessions', () => {
  it('are closed, each once and with its fact, and no others', async () => {
    const subject = randomUUID();
    await openMany(30, { subject, epoch: 1 });
    const [fresh] = await openMany(2, { subject, epoch: 2 });
    const neighbour = await open({ epoch: 1 });
    const raised = [{ clientId, subject, least: 2 }];
    await replicas.epochs.raise(raised);
    await Promise.all(Array.from({ length: 5 }, () => replicas.epochs.closeStale(raised)));
    expect(await stillOpen()).toBe(3);
    expect(await replicas.one.find(fresh as Opening)).not.toBeNull();
    expect(await replicas.one.find(neighbour)).not.toBeNull();
    const facts = await replicas.facts(clientId, 'session.closed');
    expect(facts).toHaveLength(30);
    expect(new Set(facts.map(({ body }) => body['reason']))).toEqual(new Set(['revoked']));
  });

  it('of one subject are closed to the last, however many they are', async () => {
    const subject = 'key_abcdefghijkl';
    await openMany(1100, { subject });
    const raised = [{ clientId, subject, least: 1 }];
    await replicas.epochs.raise(raised);
    await replicas.epochs.closeStale(raised);
    expect(await stillOpen()).toBe(0);
    expect(await replicas.facts(clientId, 'session.closed')).toHaveLength(1100);
  });

  it('of a client are closed to the last, a stretch at a time where it is told so', async () => {
    await Promise.all([
      openMany(2300, { clientEpoch: 0 }),
      openMany(600, { subject: 'key_abcdefghijkl', clientEpoch: 0 }),
      // The last ones: subjects are gone through in their order.
      openMany(5, { subject: 'z', clientEpoch: 1 }),
    ]);
    const raised = [{ clientId, subject: null, least: 1 }];
    await replicas.epochs.raise(raised);
    await replicas.epochs.closeStale(raised, 1);
    expect(await stillOpen()).toBe(905);
    await replicas.epochs.closeStale(raised);
    expect(await stillOpen()).toBe(5);
    expect(await replicas.facts(clientId, 'session.closed')).toHaveLength(2900);
  });

  it('that were being opened meanwhile are closed ten seconds later, and then the epoch is settled', async () => {
    const subject = randomUUID();
    await replicas.epochs.raise([{ clientId, subject, least: 1 }]);
    const late = chain({ clientId, subject, epoch: 1 });
    await opened(replicas.one, late);
    await replicas.sql('UPDATE sessions SET epoch = 0 WHERE session_id = $1', [late.sessionId]);
    await settleAll();
    expect(await stillOpen()).toBe(1);
    await age('11 seconds');
    await settleAll();
    expect(await stillOpen()).toBe(0);
    expect(await stored()).toMatchObject([{ subject, settled: true }]);

    await replicas.epochs.raise([{ clientId, subject, least: 2 }]);
    expect(await stored()).toMatchObject([{ subject, settled: false }]);
  });
});

describe('an epoch matters', () => {
  it('for a day and the leeway, and as long as the last session it ended would have lived', async () => {
    const [brief, long] = [randomUUID(), randomUUID()];
    await open({ subject: brief, lifetimeSeconds: 60 });
    await open({ subject: long, lifetimeSeconds: 3600 * 24 * 30 });
    const raised = [brief, long].map((subject) => ({ clientId, subject, least: 1 }));
    await replicas.epochs.raise(raised);
    await replicas.epochs.closeStale(raised);
    const hours = new Map((await stored()).map(({ subject, hours }) => [subject, hours]));
    expect(hours).toEqual(
      new Map([
        [brief, 25],
        [long, 720],
      ]),
    );
  });

  it('and is forgotten seven days later, once it is settled; a client’s own never', async () => {
    const raised = [randomUUID(), null].map((subject) => ({ clientId, subject, least: 1 }));
    await replicas.epochs.raise(raised);
    await age('9 days');
    await replicas.epochs.forget(100);
    expect(await stored()).toHaveLength(2);
    await settleAll();
    await replicas.epochs.forget(100);
    expect(await stored()).toMatchObject([{ subject: 'client' }]);
  });
});
