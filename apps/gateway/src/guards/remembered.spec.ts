import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Bus } from '#bus/bus';
import type { FactFeed, FeedListener } from '#bus/feed';
import type { Fact, FactType } from '#contracts/fact';
import { ApiKeys } from './api-keys.js';
import { ClientSettings } from './client-settings.js';
import { Places } from './places.js';
import { SigningKeys } from './signing-keys.js';

const clientId = 'acmeacme';

/** A gateway that asks one question again and again; the bus counts how often it had to ask. */
function asking(make: (bus: Bus, feed: FactFeed) => () => Promise<unknown>) {
  const listeners: FeedListener[] = [];
  let asked = 0;
  const bus = {
    ask: async () => {
      asked += 1;
      return { clientId, expiresAt: null, keys: [], clientIds: [clientId] };
    },
  } as unknown as Bus;
  const feed = { listen: (listener: FeedListener) => listeners.push(listener) } as unknown as FactFeed;
  const use = make(bus, feed);
  return {
    use,
    asked: () => asked,
    hear: (type: FactType) => {
      for (const { types, fact } of listeners) if (types.includes(type as never)) fact({ type, clientId } as Fact);
    },
    interrupt: () => {
      for (const { interrupted } of listeners) interrupted('spec');
    },
  };
}

interface Remembered {
  readonly what: string;
  readonly lifeMs: number;
  readonly ends: readonly FactType[];
  readonly make: Parameters<typeof asking>[0];
}

const ofClients = ['client.created', 'client.updated', 'client.suspended', 'client.restored'] as const;
const attempt = { support: '0123456789', address: 'somewhere' };
const placesOf = (bus: Bus, feed: FactFeed) => {
  const ours = { url: 'https://id.example.com' };
  return new Places(bus, feed, {} as never, ours as never, {} as never, {} as never);
};

const all: Remembered[] = [
  {
    what: 'an API key',
    lifeMs: 3_000,
    ends: ['key.deleted', 'key.rotated', ...ofClients],
    make: (bus, feed) => {
      const keys = new ApiKeys(bus, feed);
      return () => keys.check('segue_sk_spec', attempt);
    },
  },
  {
    what: 'a client with its settings',
    lifeMs: 3_000,
    ends: ofClients,
    make: (bus, feed) => {
      const clients = new ClientSettings(bus, feed);
      return () => clients.standing(clientId);
    },
  },
  {
    what: 'whose a host is',
    lifeMs: 3_000,
    ends: ofClients,
    make: (bus, feed) => {
      const places = placesOf(bus, feed);
      return () => places.knowsHost('shop.example.com');
    },
  },
  {
    what: 'whose an origin is',
    lifeMs: 3_000,
    ends: ofClients,
    make: (bus, feed) => {
      const places = placesOf(bus, feed);
      return () => places.knowsOrigin('https://shop.example.com');
    },
  },
  {
    what: 'the key set',
    lifeMs: 60_000,
    ends: ['signing_key.rotated'],
    make: (bus, feed) => {
      const keys = new SigningKeys(bus, feed);
      return () => keys.published();
    },
  },
];

describe.each(all)('$what, in use all the time,', ({ lifeMs, ends, make }) => {
  let now = 0;
  let gateway: ReturnType<typeof asking>;

  beforeEach(async () => {
    now = 1_764_000_000_000;
    jest.spyOn(Date, 'now').mockImplementation(() => now);
    gateway = asking(make);
    for (let use = 0; use < 10; use++) await gateway.use();
    expect(gateway.asked()).toBe(1);
  });
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it('is asked for anew when its time is over, though nobody says a word', async () => {
    for (const end = now + lifeMs; now < end; now += lifeMs / 10) await gateway.use();
    expect(gateway.asked()).toBe(1);
    await gateway.use();
    expect(gateway.asked()).toBe(2);
  });

  it('is asked for anew after every fact that changes it', async () => {
    for (const [index, type] of ends.entries()) {
      gateway.hear(type);
      await gateway.use();
      expect([type, gateway.asked()]).toEqual([type, index + 2]);
    }
  });

  it('is asked for anew once facts may have been missed', async () => {
    gateway.interrupt();
    await gateway.use();
    expect(gateway.asked()).toBe(2);
  });
});

describe('an API key in use', () => {
  const known = { clientId, expiresAt: null as string | null };
  const feed = { listen: () => undefined } as unknown as FactFeed;
  const keys = new ApiKeys({ ask: async () => known } as unknown as Bus, feed);
  const key = 'segue_sk_spec';

  it('is at hand once it was good, as long as it is', async () => {
    expect(keys.at(key)).toBeUndefined();
    await keys.check(key, attempt);
    expect(keys.at(key)).toBe(known);
    expect(keys.at('segue_sk_other')).toBeUndefined();
    expect(keys.at('x'.repeat(513))).toBeUndefined();
    known.expiresAt = new Date(Date.now()).toISOString();
    expect(keys.at(key)).toBeUndefined();
  });
});
