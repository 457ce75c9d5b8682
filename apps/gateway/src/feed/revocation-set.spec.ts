import { randomUUID } from 'node:crypto';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { beforeEach, describe, expect, it } from '@jest/globals';
import type { Fact, FactType, NewFact } from '#contracts/fact';
import { longestAccessSeconds } from '#contracts/settings';
import { type Revocable, RevocationSet } from './revocation-set.js';

const clientId = 'acmeacme';
const now = 1_800_000_000;
const userId = randomUUID();
const sessionId = randomUUID();
const token = (change: Partial<Revocable> = {}): Revocable => ({
  clientId,
  subject: userId,
  sessionId,
  epoch: 1,
  issuedAt: now - 10,
  ...change,
});
const fact = <T extends FactType>(stated: NewFact<T>, at = now): Fact =>
  ({ id: randomUUID(), at: new Date(at * 1000).toISOString(), traceparent: null, ...stated }) as Fact;
const subject = `user/${userId}`;
const closed = fact({
  type: 'session.closed',
  clientId,
  subject: `session/${sessionId}`,
  body: { sessionId, userId, protocol: 'claim', reason: 'signed_out' },
});
const suspended = (epoch: number) => fact({ type: 'user.suspended', clientId, subject, body: { userId, epoch } });
const clientSuspended = fact({ type: 'client.suspended', clientId, subject: `client/${clientId}`, body: { epoch: 1 } });
const clientRestored = fact({ type: 'client.restored', clientId, subject: `client/${clientId}`, body: {} }, now + 60);

describe('the revocation set', () => {
  let set: RevocationSet;
  beforeEach(() => {
    set = new RevocationSet();
  });

  it('refuses nothing it has not heard of', () => {
    expect(set.refuses(token())).toBe(false);
  });

  it('refuses the tokens of a closed session, and of no other', () => {
    set.hear(closed);
    expect([token(), token({ sessionId: randomUUID() })].map((each) => set.refuses(each))).toEqual([true, false]);
  });

  it.each([
    suspended(2),
    fact({ type: 'user.erased', clientId, subject, body: { userId, epoch: 2 } }),
    fact({ type: 'user.merged', clientId, subject, body: { from: userId, into: randomUUID(), epoch: 2 } }),
  ])('refuses the tokens of an earlier epoch after $type, and no later ones', (raising) => {
    set.hear(raising);
    const refused = [1, undefined, 2, 3].map((epoch) => set.refuses(token({ epoch })));
    expect(refused).toEqual([true, true, false, false]);
    expect(set.refuses(token({ clientId: 'otherone' }))).toBe(false);
    expect(set.refuses(token({ subject: randomUUID() }))).toBe(false);
  });

  it('keeps the highest epoch, in whatever order they come', () => {
    for (const epoch of [3, 5, 4]) set.hear(suspended(epoch));
    expect([4, 5].map((epoch) => set.refuses(token({ epoch })))).toEqual([true, false]);
    set.takeSessions({ sessions: [], epochs: [{ clientId, subject: userId, least: 2, until: now + 9 }] }, now);
    expect(set.refuses(token({ epoch: 4 }))).toBe(true);
  });

  it('refuses whatever a deleted key has minted', () => {
    set.hear(
      fact({ type: 'key.deleted', clientId, subject: 'key/abcdefabcdef', body: { keyId: 'abcdefabcdef', epoch: 1 } }),
    );
    set.takeKeys({ keys: [{ keyId: 'ABCDEFABCDEF', until: now + 9 }], clients: [] }, now);
    const by = (keyId: string) => set.refuses(token({ subject: `key_${keyId}`, epoch: 9 }));
    expect(['abcdefabcdef', 'ABCDEFABCDEF', 'abcdefabcdeg'].map(by)).toEqual([true, true, false]);
  });

  it('refuses a suspended client; what was issued before stays void when it is restored', () => {
    set.hear(clientSuspended);
    expect(set.refuses(token({ issuedAt: now + 5 }))).toBe(true);
    set.hear(clientRestored);
    expect([now - 10, now - 1, now, now + 61].map((issuedAt) => set.refuses(token({ issuedAt })))).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it('knows from the snapshot which clients are suspended', () => {
    const clients = [
      { clientId, suspended: true, epoch: 1 },
      { clientId: 'restored', suspended: false, epoch: 1 },
    ];
    set.takeKeys({ keys: [], clients }, now);
    expect([token(), token({ clientId: 'restored' })].map((each) => set.refuses(each))).toEqual([true, false]);
  });

  it('takes a fact of which it does not know every member', () => {
    set.hear({ ...closed, body: { ...closed.body, tomorrow: 1 } } as unknown as Fact);
    expect(set.refuses(token())).toBe(true);
  });

  it('does not take a fact that is none', () => {
    expect(() => set.hear({ ...closed, body: { sessionId: 7 } } as unknown as Fact)).toThrow();
  });

  it('forgets an entry with the last token it could match, looking at a stretch at a time', () => {
    const sessions = Array.from({ length: 50 }, (_, n) => ({ sessionId: `s${n}`, until: now + n }));
    set.takeSessions({ sessions, epochs: [] }, now);
    set.hear(closed);
    set.hear(suspended(2));
    expect(set.size).toBe(52);
    for (let turn = 0; turn < 5; turn++) set.clear(now + 24, 20);
    expect([set.size, ...['s24', 's25'].map((name) => set.refuses(token({ sessionId: name, epoch: 2 })))]).toEqual([
      27,
      false,
      true,
    ]);
    set.clear(now + longestAccessSeconds, 1000);
    expect(set.size).toBe(0);
  });

  it('keeps nothing longer than a token can live, whatever the snapshot says', () => {
    set.takeSessions({ sessions: [{ sessionId, until: now + 366 * 86_400 }], epochs: [] }, now);
    set.clear(now + longestAccessSeconds, 10);
    expect(set.size).toBe(0);
  });

  it('says when it holds more than it may', () => {
    const small = new RevocationSet(2);
    const until = now + 9;
    small.takeSessions({ sessions: [1, 2].map((n) => ({ sessionId: `s${n}`, until })), epochs: [] }, now);
    expect(small.isFull).toBe(false);
    small.hear(closed);
    expect(small.isFull).toBe(true);
  });

  it('keeps no more than 80 MiB alive when it is full', () => {
    setFlagsFromString('--expose-gc');
    const gc: () => void = runInNewContext('gc');
    const page = (): Parameters<RevocationSet['takeSessions']>[0] => {
      const epochs = Array.from({ length: 2_000 }, () => ({
        clientId,
        subject: randomUUID(),
        least: 2,
        until: now + 9,
      }));
      return JSON.parse(JSON.stringify({ sessions: [], epochs }));
    };
    gc();
    const before = process.memoryUsage().heapUsed;
    while (!set.isFull) set.takeSessions(page(), now);
    gc();
    expect((process.memoryUsage().heapUsed - before) / 2 ** 20).toBeLessThan(80);
    expect(set.size).toBeGreaterThan(500_000);
  });
});
