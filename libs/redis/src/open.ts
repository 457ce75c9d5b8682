import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Secret } from '#env/secret';
import type { Log } from '#log/log';
import { unsafeSettings } from './unsafe-settings.js';

export interface OpenRedisOptions {
  readonly url: Secret;
  readonly strict: boolean;
  readonly log: Log;
}

const longestWaitMs = 1000;
const longestPauseMs = 2000;

/**
 * Connects to Redis, for ever. A command fails at once while there is no connection, within 500 ms otherwise (a second
 * where another batch is still unanswered), and is never sent twice; one that failed may still have been executed.
 *
 * Waits a second at most, so that unfit settings are seen at start; without Redis a process starts all the same.
 *
 * @throws Error for a Redis that could forget what it was told, when `strict`
 */
export async function openRedis({ url, strict, log }: OpenRedisOptions): Promise<Redis> {
  const redis = new Redis(url.reveal(), {
    connectTimeout: 1000,
    commandTimeout: 500,
    enableAutoPipelining: true,
    // Groups already (grouped.ts); a pipeline would only make them wait.
    autoPipeliningIgnoredCommands: ['evalsha', 'eval', 'mget'],
    enableOfflineQueue: false,
    // Sent again after a reconnect, an INCR would count twice and a GETDEL would take nothing.
    autoResendUnfulfilledCommands: false,
    // What was under way when the connection broke fails at once.
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(longestPauseMs, 50 * 2 ** Math.min(times, 6)) * (0.5 + Math.random() / 2),
  });
  logOutages(redis, log);
  const fit = new Promise<void>((resolve, reject) => {
    redis.on('ready', () => void refuseUnfit(redis, strict, log).then(resolve, reject));
  });
  await Promise.race([fit, sleep(longestWaitMs, undefined, { ref: false })]);
  return redis;
}

/** Asked each time it comes back: it may be another one. */
async function refuseUnfit(redis: Redis, strict: boolean, log: Log): Promise<void> {
  const info = await redis.info().catch(() => null);
  // Lost again: there will be another `ready`.
  if (info === null) return;
  const problems = unsafeSettings(info);
  if (problems.length === 0) return;
  if (!strict) {
    log.warn('this Redis may forget what it was told', { problems });
    return;
  }
  redis.disconnect();
  log.error('this Redis may forget what it was told: it is refused', { problems });
  throw new Error(`Redis may forget what it was told: ${problems.join('; ')}`);
}

/** One line when it is lost and one when it is back, however often connecting fails in between. */
function logOutages(redis: Redis, log: Log): void {
  let lost = false;
  const lose = (err?: Error): void => {
    if (!lost) log.warn('Redis is lost', err && { err });
    lost = true;
  };
  redis.on('error', lose);
  redis.on('reconnecting', () => lose());
  redis.on('ready', () => {
    if (lost) log.info('Redis is connected');
    lost = false;
  });
}
