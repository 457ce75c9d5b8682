import { Secret } from '#env/secret';
import { placeFor, SpareServer } from '#ops/spare-server.support';

/** A nats-server of a spec's own. */
export class NatsServer extends SpareServer {
  static async start(): Promise<NatsServer> {
    const wanted = { names: ['nats-server'], debian: 'nats-server', install: 'nats-server' };
    const server = new NatsServer(await placeFor(wanted));
    await server.up();
    return server;
  }

  get url(): Secret {
    return new Secret(`nats://127.0.0.1:${this.place.port}`);
  }

  async up(): Promise<void> {
    const { directory, port } = this.place;
    await this.run(['--jetstream', '--store_dir', directory, '--addr', '127.0.0.1', '--port', String(port)]);
  }
}
