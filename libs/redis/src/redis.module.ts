import { type DynamicModule, Global, Module, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import type { Secret } from '#env/secret';
import { Log } from '#log/log';
import { openRedis } from './open.js';

export interface RedisModuleOptions {
  readonly url: Secret;
  /** Refuse a Redis that could forget what it was told; false = only warn, for development. */
  readonly strict?: boolean;
}

/** Gives the process one ioredis `Redis`, globally (see `openRedis`). Needs `Log`. */
@Global()
@Module({})
export class RedisModule implements OnApplicationShutdown {
  constructor(private readonly redis: Redis) {}

  static with({ url, strict = true }: RedisModuleOptions): DynamicModule {
    const redis = { provide: Redis, useFactory: (log: Log) => openRedis({ url, strict, log }), inject: [Log] };
    return { module: RedisModule, providers: [redis], exports: [Redis] };
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
