import { setTimeout as sleep } from 'node:timers/promises';
import { type DynamicModule, Global, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { Secret } from '#env/secret';
import { unsafeSettings } from './unsafe-settings.js';

export interface RedisModuleOptions {
  readonly url: Secret;
  /** Refuse a Redis that could forget what it was told instead of warning; off in development only. */
  readonly strict?: boolean;
}

/**
 * Gives the process one ioredis `Redis`, globally. A command fails within 500 ms, at once while there is no connection,
 * and is never sent twice; connections are tried for ever. A command that failed may still have been executed.
 */
@Global()
@Module({})
export class RedisModule implements OnApplicationShutdown {
  constructor(private readonly redis: Redis) {}

  static with({ url, strict = true }: RedisModuleOptions): DynamicModule {
    return {
      module: RedisModule,
      providers: [{ provide: Redis, useFactory: () => openRedis(url, strict) }],
      exports: [Redis],
    };
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}

/** Waits a moment for the connection, so that unsafe settings are seen at start; without Redis the process starts too. */
export async function openRedis(url: Secret, strict: boolean): Promise<Redis> {
  const redis = connectRedis(url);
  const log = new Logger('Redis');
  logStates(redis, log);
  const checked = new Promise<void>((resolve, reject) => {
    redis.on('ready', () => {
      check(redis, strict, log).then(resolve, reject);
    });
  });
  checked.catch(() => {});
  await Promise.race([checked, sleep(1000)]);
  return redis;
}

/** The options of every connection of ours. */
export function connectRedis(url: Secret): Redis {
  return new Redis(url.reveal(), {
    connectTimeout: 1000,
    commandTimeout: 500,
    enableAutoPipelining: true,
    enableOfflineQueue: false,
    // Resent after a reconnect, a GETDEL or INCR would count twice.
    autoResendUnfulfilledCommands: false,
    // What was under way when the connection broke fails at once.
    maxRetriesPerRequest: 0,
    retryStrategy: (times) => Math.min(2000, 50 * 2 ** Math.min(times, 6)) * (0.5 + Math.random() / 2),
  });
}

async function check(redis: Redis, strict: boolean, log: Logger): Promise<void> {
  const problems = unsafeSettings(await redis.info());
  if (problems.length === 0) return;
  const sentence = `This Redis may forget what it was told: ${problems.join('; ')}`;
  if (!strict) {
    log.warn(sentence);
    return;
  }
  redis.disconnect();
  log.error(sentence);
  throw new Error(sentence);
}

/** One line when it is lost and one when it is back, however often connecting fails in between. */
function logStates(redis: Redis, log: Logger): void {
  let lost = false;
  redis.on('error', (error: Error) => {
    if (!lost) log.warn(`Redis cannot be reached: ${error.message}`);
    lost = true;
  });
  redis.on('close', () => {
    if (!lost) log.warn('The connection to Redis was lost');
    lost = true;
  });
  redis.on('ready', () => {
    if (lost) log.log('Redis is back');
    lost = false;
  });
}
