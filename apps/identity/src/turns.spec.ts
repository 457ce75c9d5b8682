import { describe, expect, it } from '@jest/globals';
import { newCall, withCall } from '#bus/call';
import { Turns } from './turns.js';

describe('turns', () => {
  it('are so many at a time, in the order of those who wait', async () => {
    const turns = new Turns(2, 50);
    let running = 0;
    const began: number[] = [];
    const work = (n: number) =>
      turns.take(async () => {
        running += 1;
        expect(running).toBeLessThanOrEqual(2);
        began.push(n);
        await new Promise(setImmediate);
        running -= 1;
        return n;
      });
    const numbers = Array.from({ length: 50 }, (_, n) => n);
    expect(await Promise.all(numbers.map(work))).toEqual(numbers);
    expect(began).toEqual(numbers);
  });

  it('are refused where too many wait, and free again after a failure', async () => {
    const turns = new Turns(1, 1);
    const failing = () =>
      turns.take(async () => {
        throw new Error('failed');
      });
    const came = await Promise.allSettled([failing(), failing(), failing()]);
    expect(came.map((one) => one.status === 'rejected' && one.reason)).toMatchObject([
      { message: 'failed' },
      { message: 'failed' },
      { code: 'service.busy' },
    ]);
    expect(await turns.take(async () => 'done')).toBe('done');
  });

  it('are not begun for a caller who has gone', async () => {
    const turns = new Turns(1, 1);
    const gone = withCall(newCall(Date.now() - 2, 1), () => turns.take(async () => 'done'));
    await expect(gone).rejects.toMatchObject({ code: 'service.busy' });
    expect(await turns.take(async () => 'done')).toBe('done');
  });
});
