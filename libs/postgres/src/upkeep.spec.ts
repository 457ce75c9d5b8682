import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { createLog } from '#log/log';
import { Upkeep } from './upkeep.js';

const log = createLog({ service: 'spec', level: 'silent' });

describe('Upkeep', () => {
  it('goes on in batches while they are full, also when another job fails, and ends when told', async () => {
    const rows = { left: 1_200 };
    const asked: number[] = [];
    const upkeep = new Upkeep({
      everyMs: 20,
      log,
      jobs: {
        broken: () => Promise.reject(new Error('no such table')),
        forget: async (most) => {
          asked.push(most);
          const done = Math.min(most, rows.left);
          rows.left -= done;
          return done;
        },
      },
    });
    upkeep.onApplicationBootstrap();
    while (rows.left > 0) await delay(5);
    await upkeep.onModuleDestroy();
    const turns = asked.length;
    expect(turns).toBeGreaterThanOrEqual(3);
    expect(new Set(asked)).toEqual(new Set([500]));
    await delay(60);
    expect(asked).toHaveLength(turns);
  });
});
