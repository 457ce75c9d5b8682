import { describe, expect, it } from '@jest/globals';
import { Breaker } from './breaker.js';

function silentThrice(): Breaker {
  const breaker = new Breaker();
  for (const _ of [1, 2, 3]) breaker.silent(1000);
  return breaker;
}

describe('Breaker', () => {
  it('admits everything until the third silence in a row', () => {
    const breaker = new Breaker();
    breaker.silent(0);
    breaker.silent(0);
    breaker.answered();
    breaker.silent(0);
    breaker.silent(0);
    expect(breaker.admits(0)).toBe(true);
    breaker.silent(0);
    expect(breaker.admits(0)).toBe(false);
  });

  it('lets one at a time try every half second', () => {
    const breaker = silentThrice();
    expect(breaker.admits(1499)).toBe(false);
    expect([breaker.admits(1500), breaker.admits(1500)]).toEqual([true, false]);
    breaker.silent(3500);
    expect([breaker.admits(3999), breaker.admits(4000), breaker.admits(4000)]).toEqual([false, true, false]);
  });

  it('admits everything again after one answer', () => {
    const breaker = silentThrice();
    breaker.admits(1500);
    breaker.answered();
    expect([breaker.admits(1501), breaker.admits(1501)]).toEqual([true, true]);
  });

  it('does not wait for ever for a trial that tells nothing', () => {
    const breaker = silentThrice();
    expect([breaker.admits(1500), breaker.admits(4999), breaker.admits(5000)]).toEqual([true, false, true]);
  });
});
