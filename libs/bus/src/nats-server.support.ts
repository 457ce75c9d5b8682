import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { Secret } from '#env/secret';

interface Program {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
}

/** A nats-server of a spec's own, to be killed and started again at the same address. */
export class NatsServer {
  #process: ChildProcess | undefined;

  private constructor(
    private readonly program: Program,
    private readonly store: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<NatsServer> {
    const tools: { program(wanted: object): Promise<Program> } = await import(
      pathToFileURL(resolve('tools/launcher/program.mjs')).href
    );
    const program = await tools.program({ names: ['nats-server'], debian: 'nats-server', install: 'nats-server' });
    const server = new NatsServer(program, await mkdtemp(join(tmpdir(), 'segue-nats-')), await freePort());
    await server.up();
    return server;
  }

  get url(): Secret {
    return new Secret(`nats://127.0.0.1:${this.port}`);
  }

  async up(): Promise<void> {
    const args = ['--jetstream', '--store_dir', this.store, '--addr', '127.0.0.1', '--port', String(this.port)];
    this.#process = spawn(this.program.command, args, { env: this.program.env, stdio: 'ignore' });
    while (!(await answers(this.port))) await delay(20);
  }

  async kill(): Promise<void> {
    if (!this.#process) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
    this.#process = undefined;
  }

  /** As after a lost volume. */
  async forget(): Promise<void> {
    await rm(this.store, { recursive: true, force: true });
  }

  /** Holds every answer back without closing a socket. */
  pause(): void {
    this.#process?.kill('SIGSTOP');
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.forget();
  }
}

/** Below the range of outgoing connections: nobody takes it while the server is down. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_000, 32_000);
    const server = createServer().listen(port, '127.0.0.1');
    const free = await once(server, 'listening').then(Boolean, () => false);
    server.close();
    if (free) return port;
  }
}

function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('data', () => {
      socket.destroy();
      settle(true);
    });
    socket.once('error', () => settle(false));
  });
}
