import { describe, expect, it } from '@jest/globals';
import { readHash } from './domain/password-hash.js';
import { PasswordHashing } from './password-hashing.js';
import { Turns } from './turns.js';

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
    const small = new PasswordHashing(new Turns(1, 2));
    const all = await Promise.allSettled(Array.from({ length: 5 }, () => small.matches('x', null)));
    expect(all.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected']);
    await expect(small.hash('x')).resolves.toMatch(/^\$argon2id/);
  });

  it('at a locked door take as long as they took just now', async () => {
    const began = performance.now();
    await hashing.matches('x', null);
    const took = performance.now() - began;
    const pretended = performance.now();
    await hashing.pretend();
    expect(performance.now() - pretended).toBeGreaterThan(took / 2);
  });
});
