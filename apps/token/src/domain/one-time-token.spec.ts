import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { type Claimer, judgeClaim, newSecret, type OneTimeToken, readSecret } from './one-time-token.js';

const clientId = 'acme0000';

describe('the secret of a one-time token', () => {
  it('names its purpose and client, and nothing of it stands in the place it names', () => {
    const { secret, place } = newSecret('landing', clientId, randomBytes);
    expect(secret).toMatch(/^segue_code_acme0000_[0-9A-Za-z]{43}$/);
    expect(readSecret('landing', secret)).toEqual({ clientId, place });
    expect(place).toMatch(/^acme0000:[0-9A-Za-z_-]{43}$/);
    expect(place).not.toContain(secret.slice(-43, -20));
  });

  it('is as random as 256 bits', () => {
    expect(newSecret('landing', clientId, () => Buffer.alloc(32, 0xff)).secret.slice(-43)).not.toMatch(/^0/);
    const secrets = Array.from({ length: 100 }, () => newSecret('landing', clientId, randomBytes).secret);
    expect(new Set(secrets).size).toBe(100);
  });

  it('is read as what it was made for only', () => {
    const { secret, place } = newSecret('one-time', clientId, randomBytes);
    expect(secret).toMatch(/^segue_ott_acme0000_[0-9A-Za-z]{43}$/);
    expect(readSecret('one-time', secret)).toEqual({ clientId, place });
    expect(readSecret('landing', secret)).toBeNull();
    expect(readSecret('one-time', newSecret('landing', clientId, randomBytes).secret)).toBeNull();
  });

  const random = 'x'.repeat(43);
  it.each([
    '',
    random,
    `segue_code_${random}`,
    `segue_ott_${clientId}_${random}`,
    `segue_sk_${clientId}_${random}`,
    `segue_code_${clientId}_${random}x`,
    `segue_code_${clientId}_${random.slice(1)}`,
    `segue_code_${clientId}_${random.slice(1)}-`,
    `segue_code_${clientId}_${random}\n`,
    ` segue_code_${clientId}_${random}`,
    `segue_code_ACME0000_${random}`,
    `segue_code_acme_${random}`,
    `segue_code_${clientId}:*_${random}`,
  ])('is not %j', (text) => {
    expect(readSecret('landing', text)).toBeNull();
  });
});

describe('judgeClaim', () => {
  const token: OneTimeToken = {
    purpose: 'landing',
    tokenId: 't',
    userId: 'u',
    parentId: 'p',
    landing: 'https://app.example',
    expiresAt: 100,
  };
  const oneTime: OneTimeToken = {
    purpose: 'one-time',
    tokenId: 't',
    userId: 'u',
    parentId: 'p',
    epoch: 0,
    expiresAt: 100,
  };
  type By = Extract<Claimer, { purpose: 'landing' }>['by'];
  const judge = (by: By, now = 99, waiting: OneTimeToken | null = token) =>
    judgeClaim(waiting, clientId, { purpose: 'landing', by }, now);

  it('gives it to a browser at the landing and to the backend of its client', () => {
    expect(judge({ landing: 'https://app.example' })).toBeNull();
    expect(judge({ clientId })).toBeNull();
  });

  it.each([
    'https://app.example.',
    'https://app.example/',
    'https://APP.example',
    'http://app.example',
    'https://app.example:8443',
    'https://evil.example',
    'null',
    '',
  ])('does not give it to a browser at %j', (landing) => {
    expect(judge({ landing })).toBe('claimer');
  });

  it('gives it to no other client, to nobody once it has expired, and nothing where nothing is', () => {
    expect(judge({ clientId: 'other000' })).toBe('claimer');
    expect(judge({ clientId }, 100)).toBe('expired');
    expect(judge({ clientId }, 99, null)).toBe('unknown');
  });

  it('gives one that is made for whoever holds it to whoever holds it, in its time', () => {
    expect(judgeClaim(oneTime, clientId, { purpose: 'one-time' }, 99)).toBeNull();
    expect(judgeClaim(oneTime, clientId, { purpose: 'one-time' }, 100)).toBe('expired');
    expect(judgeClaim(null, clientId, { purpose: 'one-time' }, 99)).toBe('unknown');
  });

  it('gives none where another purpose is asked', () => {
    expect(judgeClaim(token, clientId, { purpose: 'one-time' }, 99)).toBe('purpose');
    expect(judge({ clientId }, 99, oneTime)).toBe('purpose');
  });
});
