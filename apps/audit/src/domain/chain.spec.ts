import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chain, firstBroken, genesis, type Link } from './chain.js';
import { type Entry, MalformedFact } from './entry.js';

const entry = (n: number, body: Entry['body'] = {}): Entry => ({
  clientId: 'acme0001',
  id: `fact-${n}`,
  type: 'session.opened',
  subject: `session/${n}`,
  at: new Date(Date.UTC(2026, 0, 31, 12, 0, n)).toISOString(),
  traceparent: null,
  body,
});

const linksOf = (count: number): Link[] =>
  chain(
    genesis,
    Array.from({ length: count }, (_, n) => entry(n + 1, { n })),
  );

describe('chain', () => {
  it('hashes exactly the bytes it documents', () => {
    const [one, two] = chain(genesis, [
      { ...entry(1, { userId: 'u', protocol: 'api-link' }), traceparent: '00-trace' },
      entry(2, { count: 1.5 }),
    ]);
    const first =
      '{"at":"2026-01-31T12:00:01.000Z","body":{"protocol":"api-link","userId":"u"},"clientId":"acme0001",' +
      '"id":"fact-1","seq":1,"subject":"session/1","traceparent":"00-trace","type":"session.opened"}';
    const second =
      '{"at":"2026-01-31T12:00:02.000Z","body":{"count":1.5},"clientId":"acme0001",' +
      '"id":"fact-2","seq":2,"subject":"session/2","traceparent":null,"type":"session.opened"}';
    const hashOfFirst = createHash('sha256').update(Buffer.alloc(32)).update(first).digest();
    expect(one?.hash).toEqual(hashOfFirst);
    expect(two?.previous).toEqual(hashOfFirst);
    expect(two?.hash).toEqual(createHash('sha256').update(hashOfFirst).update(second).digest());
    expect(two?.hash.toString('hex')).toBe('b0a7e198000491a078ddaa4d1f15e0c76bd223aacde616841fa086ea1a3657a1');
  });

  it('is the same whether entries come at once or one by one', () => {
    const [first, second, third] = linksOf(3) as [Link, Link, Link];
    const { seq: _, previous: _p, hash: _h, ...bare } = third;
    expect(chain(second, [bare])).toEqual([third]);
    expect(firstBroken(genesis, [first, second])).toBeNull();
    expect(firstBroken(second, [third])).toBeNull();
  });
});

describe('a body that cannot be kept', () => {
  it.each([{ nul: '\0' }, { lone: '\udc00' }, { deep: [{ nul: '\0' }] }])('is refused: %j', (body) => {
    expect(() => chain(genesis, [entry(1), entry(2, body)])).toThrow(MalformedFact);
  });
});

describe('firstBroken', () => {
  it('finds nothing in a sound chain, whole or from any place on', () => {
    const links = linksOf(10);
    expect(firstBroken(genesis, [])).toBeNull();
    for (let from = 0; from < 10; from += 1)
      expect(firstBroken(links[from - 1] ?? genesis, links.slice(from))).toBeNull();
  });

  const changes: Record<string, (link: Link) => Link> = {
    type: (link) => ({ ...link, type: 'session.closed' }),
    subject: (link) => ({ ...link, subject: 'session/0' }),
    at: (link) => ({ ...link, at: '2026-01-01T00:00:00.000Z' }),
    id: (link) => ({ ...link, id: 'other' }),
    clientId: (link) => ({ ...link, clientId: 'other001' }),
    traceparent: (link) => ({ ...link, traceparent: '00-other' }),
    body: (link) => ({ ...link, body: { ...link.body, more: 1 } }),
    previous: (link) => ({ ...link, previous: Buffer.alloc(32, 1) }),
    hash: (link) => ({ ...link, hash: Buffer.alloc(32, 1) }),
  };

  it.each(Object.keys(changes))('finds an entry whose %s was changed', (name) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 9 }), (place) => {
        const links = linksOf(10);
        const change = changes[name]!;
        expect(firstBroken(genesis, links.with(place, change(links[place]!)))).toBe(place + 1);
      }),
    );
  });

  it('finds a removed entry at its place', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 8 }), (place) => {
        expect(firstBroken(genesis, linksOf(10).toSpliced(place, 1))).toBe(place + 1);
      }),
    );
  });

  it('finds an inserted entry, also one that was chained in properly, at the latest behind it', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), (place) => {
        const links = linksOf(10);
        const forged = chain(links[place - 1]!, [entry(99)]);
        const moved = links.slice(place).map((link) => ({ ...link, seq: link.seq + 1 }));
        expect(firstBroken(genesis, links.toSpliced(place, 0, ...forged))).toBe(place + 2);
        expect(firstBroken(genesis, [...links.slice(0, place), ...forged, ...moved])).toBe(place + 2);
      }),
    );
  });

  it('finds two entries that changed places', () => {
    const links = linksOf(4);
    const [one, two, three, four] = links as [Link, Link, Link, Link];
    expect(firstBroken(genesis, [one, { ...three, seq: 2 }, { ...two, seq: 3 }, four])).toBe(2);
  });
});
