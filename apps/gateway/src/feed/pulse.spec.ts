import { beforeEach, describe, expect, it } from '@jest/globals';
import { Pulse } from './pulse.js';

/** The database's clock shows this when ours shows 0. */
const offset = 1_700_000_000_000;

describe('a pulse', () => {
  let pulse: Pulse;
  beforeEach(() => {
    pulse = new Pulse(4_000, 30_000);
  });

  /** A beat a second, each under way for so long. */
  const beats = (from: number, to: number, late = 0, ahead = 0) => {
    for (let sent = from; sent <= to; sent += 1_000) pulse.hear(offset + sent + ahead, sent + late);
  };

  it('is not fresh before the first beat, and no longer than four seconds after the last', () => {
    expect(pulse.isFresh(0)).toBe(false);
    beats(0, 10_000);
    expect([10_000, 14_000, 14_001].map((now) => pulse.isFresh(now))).toEqual([true, true, false]);
  });

  it('takes a beat that was held up for as old as it is', () => {
    beats(0, 10_000);
    // Half a minute of beats, sent in time, arrives at once: after a pause of the broker or of this process.
    for (let sent = 11_000; sent < 40_000; sent += 1_000) {
      pulse.hear(offset + sent, 41_000);
      expect([sent, pulse.isFresh(41_000)]).toEqual([sent, sent >= 37_000]);
    }
  });

  it('is not fresh while every beat comes late', () => {
    beats(0, 10_000);
    beats(11_000, 20_000, 10_000);
    expect(pulse.isFresh(30_000)).toBe(false);
    beats(31_000, 31_000);
    expect(pulse.isFresh(31_000)).toBe(true);
  });

  it('learns from the fastest beat, whatever the first one was', () => {
    pulse.hear(offset, 9_000);
    beats(10_000, 12_000);
    beats(13_000, 13_000, 5_000);
    expect(pulse.isFresh(18_000)).toBe(false);
  });

  it('stays fresh while the clocks drift apart, for days', () => {
    for (let sent = 0; sent <= 2 * 86_400_000; sent += 1_000) {
      pulse.hear(offset + sent * (1 - 0.0004), sent);
      if (!pulse.isFresh(sent + 1_000)) throw new Error(`no longer fresh after ${sent / 1000} s`);
    }
  });

  it('is fresh again half a minute after the clock of the database was set back', () => {
    beats(0, 10_000);
    beats(11_000, 39_000, 0, -60_000);
    expect(pulse.isFresh(39_000)).toBe(false);
    beats(40_000, 42_000, 0, -60_000);
    expect(pulse.isFresh(42_000)).toBe(true);
  });

  it('does not take scattered late beats for a clock that was set back', () => {
    beats(0, 10_000);
    for (let sent = 11_000; sent < 200_000; sent += 5_000) pulse.hear(offset + sent, sent + 60_000);
    expect(pulse.isFresh(256_000)).toBe(false);
  });

  it('is not set back by a replica that was held up', () => {
    beats(0, 10_000);
    pulse.hear(offset + 1_000, 10_001);
    expect(pulse.isFresh(13_000)).toBe(true);
  });

  it('that was told to forget needs a new beat', () => {
    beats(0, 10_000);
    pulse.forget();
    expect(pulse.isFresh(10_000)).toBe(false);
    beats(11_000, 11_000);
    expect(pulse.isFresh(11_000)).toBe(true);
  });
});
