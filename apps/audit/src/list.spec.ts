import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Fault } from '#contracts/fault';
import { linkRefusals } from '#contracts/refusal';
import { type ScratchStore, scratchStore } from '#postgres/testing';
import type { Entry } from './domain/entry.js';
import { List } from './list.js';
import { store } from './store/data-source.js';
import { EntriesStore } from './store/entries.store.js';

let scratch: ScratchStore;
let entries: EntriesStore;
let list: List;
let minute = 0;

beforeAll(async () => {
  scratch = await scratchStore(store);
  entries = new EntriesStore(scratch.postgres);
  list = new List(entries);
});

afterAll(() => scratch.drop());

/** Each a minute after the one before. */
function entry(clientId: string, type = 'client.updated', body: Entry['body'] = {}): Entry {
  minute += 1;
  const at = new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString();
  return { clientId, id: randomUUID(), type, subject: `client/${clientId}`, at, traceparent: null, body };
}

async function everyPage(filter: { clientId?: string }, limit: number, between?: () => Promise<void>) {
  const ids: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await list.run({ ...filter, limit, cursor });
    ids.push(...page.items.map(({ id }) => id));
    cursor = page.nextCursor ?? undefined;
    if (cursor) await between?.();
  } while (cursor);
  return ids;
}

describe('list', () => {
  it('pages through a client, newest first, and rows that arrive meanwhile shift nothing', async () => {
    const own = Array.from({ length: 7 }, () => entry('pages001'));
    await entries.append(own);
    const ids = await everyPage({ clientId: 'pages001' }, 3, () =>
      entries.append([entry('pages001'), entry('pages002')]),
    );
    expect(ids).toEqual(own.map(({ id }) => id).reverse());
  });

  it('pages across clients by time, each entry once, also where times are equal', async () => {
    const at = '2099-01-01T00:00:00.000Z';
    const same = ['across01', 'across02', 'across03'].flatMap((clientId) =>
      [1, 2].map(() => ({ ...entry(clientId), at })),
    );
    await entries.append(same);
    const ids = await everyPage({}, 2, () => entries.append([entry('across01')]));
    expect(ids.slice(0, 6).sort()).toEqual(same.map(({ id }) => id).sort());
    expect(new Set(ids).size).toBe(ids.length);
    const rest = await Promise.all(ids.slice(6).map(timeOf));
    expect(rest).toEqual(rest.toSorted().reverse());
  });

  it('filters by type and by user, together and alone', async () => {
    const userId = randomUUID();
    const opened = entry('filter01', 'session.opened', { userId, sessionId: randomUUID() });
    const closed = entry('filter01', 'session.closed', { userId, reason: 'admin' });
    const other = entry('filter01', 'session.opened', { userId: randomUUID() });
    await entries.append([opened, closed, other]);
    const idsOf = async (filter: object) => (await list.run({ limit: 50, ...filter })).items.map(({ id }) => id);
    expect(await idsOf({ userId })).toEqual([closed.id, opened.id]);
    expect(await idsOf({ clientId: 'filter01', type: 'session.opened' })).toEqual([other.id, opened.id]);
    expect(await idsOf({ clientId: 'filter01', type: 'session.opened', userId })).toEqual([opened.id]);
    expect(await idsOf({ clientId: 'filter02', userId })).toEqual([]);
    const merged = entry('filter01', 'user.merged', { from: randomUUID(), into: userId, epoch: 1 });
    await entries.append([merged]);
    expect(await idsOf({ userId })).toEqual([merged.id, closed.id, opened.id]);
    expect(await idsOf({ userId: merged.body['from'] as string })).toEqual([merged.id]);
    expect(await idsOf({ clientId: 'filter01', type: 'session.closed', userId: randomUUID() })).toEqual([]);
  });

  it('finds a refusal by its support id, with what can be done about it', async () => {
    const refused = entry('support1', 'link.refused', { support: 'aaaaaaaaa1', reason: 'signature', address: 'x' });
    await entries.append([refused, entry('support1', 'link.refused', { support: 'aaaaaaaaa2', reason: 'expired' })]);
    expect((await list.run({ limit: 50, support: 'aaaaaaaaa1' })).items).toEqual([
      {
        id: refused.id,
        seq: 1,
        type: 'link.refused',
        at: refused.at,
        clientId: 'support1',
        support: 'aaaaaaaaa1',
        reason: 'signature',
        advice: linkRefusals.signature,
        body: refused.body,
      },
    ]);
  });

  it('finds what one request has caused by its trace id, and shows it', async () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traced = (clientId: string) => ({ ...entry(clientId), traceparent: `00-${traceId}-00f067aa0ba902b7-01` });
    const [one, other] = [traced('traced01'), traced('traced02')];
    await entries.append([one, entry('traced01'), other]);
    const found = (await list.run({ limit: 50, traceId })).items;
    expect(found.map(({ id, traceId }) => [id, traceId])).toEqual([
      [other.id, traceId],
      [one.id, traceId],
    ]);
    expect((await list.run({ limit: 50, clientId: 'traced01', traceId })).items.map(({ id }) => id)).toEqual([one.id]);
    expect((await list.run({ limit: 50, clientId: 'traced01' })).items[0]).not.toHaveProperty('traceId');
  });

  it('finds a counted row by any of the support ids it stands for', async () => {
    const supports = ['bbbbbbbbb1', 'bbbbbbbbb2', 'bbbbbbbbb3'];
    const counted = entry('support2', 'link.refused', { support: 'bbbbbbbbb0', reason: 'expired', count: 4, supports });
    await entries.append([counted]);
    for (const support of ['bbbbbbbbb0', ...supports]) {
      const { items } = await list.run({ limit: 50, clientId: 'support2', support });
      expect(items).toMatchObject([{ id: counted.id, support, reason: 'expired' }]);
    }
    expect((await list.run({ limit: 50, support: 'bbbbbbbbb4' })).items).toEqual([]);
  });

  it('gives advice on refused links only, and none on a reason it does not know', async () => {
    await entries.append([
      entry('advice01', 'session.closed', { reason: 'signature' }),
      entry('advice01', 'link.refused', { reason: 'constructor' }),
    ]);
    const { items } = await list.run({ limit: 50, clientId: 'advice01' });
    expect(items.map(({ reason, advice }) => [reason, advice])).toEqual([
      ['constructor', undefined],
      ['signature', undefined],
    ]);
  });

  it.each(['', 'x', 'W10', Buffer.from('["2026-01-01T00:00:00.000Z",-1,"a"]').toString('base64url')])(
    'refuses the cursor %j',
    async (cursor) => {
      const refusal = await list.run({ limit: 1, cursor }).catch((error: unknown) => error);
      expect(refusal).toBeInstanceOf(Fault);
      expect(refusal).toMatchObject({ code: 'cursor.invalid' });
    },
  );
});

async function timeOf(id: string): Promise<string> {
  const [row] = await scratch.dataSource.query('SELECT at FROM entries WHERE fact_id = $1', [id]);
  return row.at.toISOString();
}
