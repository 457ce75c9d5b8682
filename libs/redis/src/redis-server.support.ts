import { Secret } from '#env/secret';
import { placeFor, SpareServer } from '#ops/spare-server.support';

/** A redis-server of a spec's own. */
export class RedisServer extends SpareServer {
  static async at(): Promise<RedisServer> {
    const wanted = { names: ['redis-server', 'valkey-server'], debian: 'redis-server', install: 'redis-server' };
    return new RedisServer(await placeFor(wanted));
  }

  get url(): Secret {
    return new Secret(`redis://127.0.0.1:${this.place.port}`);
  }

  async up({ appendonly = 'yes', policy = 'noeviction' } = {}): Promise<void> {
    const settings = {
      bind: '127.0.0.1',
      port: String(this.place.port),
      dir: this.place.directory,
      save: '',
      appendonly,
      // By `everysec` a busy disk may hold back what was acknowledged, and a killed server lose it.
      appendfsync: 'always',
      'maxmemory-policy': policy,
    };
    await this.run(Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]));
  }
}
