import { describe, expect, it } from '@jest/globals';
import { Addresses, isTrustedProxyList } from './address.js';

const addresses = new Addresses('pepper');
const hash = (ip: string) => addresses.hash({ ip });

describe('address hash', () => {
  it('is one for a network address however it is written', () => {
    expect(hash('::ffff:192.0.2.1')).toBe(hash('192.0.2.1'));
    expect(hash('2001:db8:0:0:1::1')).toBe(hash('2001:DB8::ffff'));
  });

  it('tells addresses apart and hides them', () => {
    expect(hash('192.0.2.1')).not.toBe(hash('192.0.2.2'));
    expect(hash('192.0.2.1')).toMatch(/^[\w-]{22}$/);
    expect(hash('192.0.2.1')).not.toBe(new Addresses('other').hash({ ip: '192.0.2.1' }));
  });
});

describe('TRUSTED_PROXIES', () => {
  it.each(['', '10.0.0.1', '10.0.0.0/8,::1', 'fd00::/8'])('takes "%s"', (list) => {
    expect(isTrustedProxyList(list)).toBe(true);
  });

  it.each(['proxy', '10.0.0.0/33', '10.0.0.0/', '10.0.0/8', '::/129', '1', 'true', '10.0.0.1/8/8', '*'])(
    'refuses "%s"',
    (list) => {
      expect(isTrustedProxyList(list)).toBe(false);
    },
  );
});
