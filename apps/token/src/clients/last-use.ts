import { Injectable, type OnModuleDestroy, type OnModuleInit } from '@nestjs/common';
import { Log } from '#log/log';
import { LastUseStore, type Use } from '../store/last-use.store.js';

type Credential = 'linkSecret' | 'apiKey';

const onceAMinute = 60_000;
const flushMs = 1000;
const most = 50_000;

/** When credentials were last used: written back in groups, at most once a minute each, and nobody waits for it. */
@Injectable()
export class LastUse implements OnModuleInit, OnModuleDestroy {
  private readonly notedAt = new Map<string, number>();
  private waiting: Record<Credential, Use[]> = { linkSecret: [], apiKey: [] };
  private timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly store: LastUseStore,
    private readonly log: Log,
  ) {}

  onModuleInit(): void {
    this.timer = setInterval(() => void this.flush(), flushMs).unref();
  }

  async onModuleDestroy(): Promise<void> {
    clearInterval(this.timer);
    await this.flush();
  }

  /** @param nowMs milliseconds since 1970 */
  note(credential: Credential, clientId: string, id: string, nowMs: number): void {
    const name = `${credential}/${clientId}/${id}`;
    if (nowMs - (this.notedAt.get(name) ?? 0) < onceAMinute) return;
    // forgetting costs one write too many, nothing else
    if (this.notedAt.size >= most) this.notedAt.clear();
    this.notedAt.set(name, nowMs);
    this.waiting[credential].push({ clientId, id, at: new Date(nowMs) });
  }

  private async flush(): Promise<void> {
    const { linkSecret, apiKey } = this.waiting;
    this.waiting = { linkSecret: [], apiKey: [] };
    try {
      if (linkSecret.length > 0) await this.store.write('linkSecret', linkSecret);
      if (apiKey.length > 0) await this.store.write('apiKey', apiKey);
    } catch (error) {
      this.log.warn('last uses were not written back', { err: error });
    }
  }
}
