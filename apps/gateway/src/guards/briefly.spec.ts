import { describe, expect, it } from '@jest/globals';
import { Briefly } from './briefly.js';

describe('what is remembered briefly', () => {
  it('is fetched once for all who ask at the time, and again when it is old', async () => {
    let fetched = 0;
    const known = new Briefly(1_000, async (key) => `${key}${++fetched}`);
    expect(await Promise.all([known.get('a', 0), known.get('a', 500), known.get('b', 500)])).toEqual([
      'a1',
      'a1',
      'b2',
    ]);
    expect(await known.get('a', 999)).toBe('a1');
    expect(await known.get('a', 1_000)).toBe('a3');
    expect(await known.again('a', 1_001)).toBe('a4');
    expect(await known.get('a', 1_002)).toBe('a4');
  });

  it('is at hand once it was fetched, for as long as it is remembered', async () => {
    const known = new Briefly<string | null>(1_000, async (key) => (key === 'none' ? null : key));
    const asked = known.get('a', 0);
    expect(known.at('a', 0)).toBeUndefined();
    await asked;
    await known.get('none', 0);
    expect([known.at('a', 999), known.at('a', 1_000), known.at('none', 1)]).toEqual(['a', undefined, null]);
    known.forget('a');
    expect(known.at('a', 1)).toBeUndefined();
  });

  it('is never a failure', async () => {
    let fetched = 0;
    const known = new Briefly(1_000, async () => {
      if (++fetched === 1) throw new Error('down');
      return fetched;
    });
    await expect(known.get('a', 0)).rejects.toThrow('down');
    expect(await known.get('a', 1)).toBe(2);
  });

  it('is forgotten on request, what is just being fetched included', async () => {
    const answers: ((answer: string) => void)[] = [];
    const known = new Briefly(1_000, () => new Promise<string>((resolve) => answers.push(resolve)));
    const old = known.get('a', 0);
    known.forget('a');
    const fresh = known.get('a', 1);
    answers[0]?.('before the change');
    answers[1]?.('after it');
    expect(await Promise.all([old, fresh, known.get('a', 2)])).toEqual(['before the change', 'after it', 'after it']);
  });

  it('that was forgotten does not take its successor along when it fails', async () => {
    const failures: ((error: Error) => void)[] = [];
    let fetched = 0;
    const known = new Briefly(1_000, () => {
      fetched++;
      return new Promise<string>((_, reject) => failures.push(reject));
    });
    const old = known.get('a', 0);
    known.forgetAll();
    void known.get('a', 1).catch(() => undefined);
    failures[0]?.(new Error('down'));
    await expect(old).rejects.toThrow('down');
    void known.get('a', 2).catch(() => undefined);
    expect(fetched).toBe(2);
  });

  it('is of so many at most: who asks for invented names does not fill the memory', async () => {
    let fetched = 0;
    const known = new Briefly(1_000, async () => ++fetched);
    expect(await known.get('a', 0)).toBe(1);
    for (let name = 1; name < 10_000; name++) void known.get(String(name), 0);
    expect(await known.get('a', 0)).toBe(1);
    await known.get('one more', 0);
    expect(await known.get('a', 0)).toBe(10_002);
  });
});
