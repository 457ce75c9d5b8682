import { describe, expect, it } from '@jest/globals';
import { newCall, withCall } from '#bus/call';
import { readHash } from './domain/password-hash.js';
import { PasswordHashing } from './password-hashing.js';

const hashing = new PasswordHashing();

describe('passwords', () => {
  it('are hashed with a salt of their own, and match themselves only', async () => {
    const [one, other] = await Promise.all([hashing.hash('correct horse'), hashing.hash('correct horse')]);
    expect(one).not.toBe(other);
    expect(readHash(one).salt).not.toEqual(readHash(other).salt);
    expect(await hashing.matches('correct horse', one)).toBe(true);
    for (const wrong of ['', 'Correct horse', 'correct horse ', 'correct hors', `correct horse\0`])
      expect(await hashing.matches(wrong, one)).toBe(false);
    expect(await hashing.matches('correct horse', null)).toBe(false);
  });

  it('count to the last character', async () => {
    const long = `${'x'.repeat(255)}a`;
    const hash = await hashing.hash(long);
    expect(await hashing.matches(long, hash)).toBe(true);
    expect(await hashing.matches(`${'x'.repeat(255)}b`, hash)).toBe(false);
  });

  it('are compared as they are, and what is no text is none of them', async () => {
    const hash = await hashing.hash('pass\ufffdword');
    expect(await hashing.matches('pass\ufffdword', hash)).toBe(true);
    expect(await hashing.matches('pass\ud800word', hash)).toBe(false);
    expect(await hashing.matches('pa\u030ass', await hashing.hash('p\u00e5ss'))).toBe(false);
  });

  it('are understood as the reference implementation hashes them, at any cost', async () => {
    // https://github.com/P-H-C/phc-winner-argon2/blob/master/src/test.c
    const hash = '$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc';
    expect(await hashing.matches('password', hash)).toBe(true);
    expect(await hashing.matches('differentpassword', hash)).toBe(false);
  });

  it('beyond what can be computed in time are told that the service is busy', async () => {
    const all = await Promise.allSettled(Array.from({ length: 100 }, () => hashing.matches('x', null)));
    const busy = all.filter((one) => one.status === 'rejected');
    expect(busy).toHaveLength(100 - 63);
    for (const { reason } of busy) expect(reason).toMatchObject({ code: 'service.busy' });
    expect(await hashing.matches('x', null)).toBe(false);
  });

  it('nobody waits for any more are not computed', async () => {
    const first = Promise.all([1, 2, 3].map(() => hashing.matches('x', null)));
    const late = withCall(newCall(Date.now(), 1), () => hashing.matches('x', null));
    await expect(late).rejects.toMatchObject({ code: 'service.busy' });
    await first;
  });
});
