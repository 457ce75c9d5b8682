import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';

/** What the launcher looks for on the path, or unpacks from a Debian package. */
export interface Wanted {
  readonly names: readonly string[];
  readonly debian: string;
  readonly install: string;
}

/** Where a server of a spec lives: its program, a directory of its own, and a port it keeps while it is down. */
export interface Place {
  readonly command: string;
  readonly env: NodeJS.ProcessEnv;
  readonly directory: string;
  readonly port: number;
}

export async function placeFor(wanted: Wanted): Promise<Place> {
  const tools: { program(wanted: Wanted): Promise<Pick<Place, 'command' | 'env'>> } = await import(
    pathToFileURL(resolve('tools/launcher/program.mjs')).href
  );
  const directory = await mkdtemp(join(tmpdir(), `segue-${wanted.install}-`));
  return { ...(await tools.program(wanted)), directory, port: await freePort() };
}

/** A real server of a spec's own, to be killed, held and started again at the same address. */
export abstract class SpareServer implements AsyncDisposable {
  #process: ChildProcess | undefined;

  protected constructor(protected readonly place: Place) {}

  protected async run(args: readonly string[]): Promise<void> {
    const { command, env, port } = this.place;
    this.#process = spawn(command, args, { env, stdio: 'ignore' });
    while (!(await answers(port))) await delay(20);
  }

  async kill(): Promise<void> {
    if (!this.#process) return;
    const exit = once(this.#process, 'exit');
    this.#process.kill('SIGKILL');
    await exit;
    this.#process = undefined;
  }

  /** Holds every answer back without closing a socket. */
  pause(): void {
    if (this.#process?.pid !== undefined) standStill(this.#process.pid);
  }

  resume(): void {
    this.#process?.kill('SIGCONT');
  }

  /** As after a lost volume. */
  async forget(): Promise<void> {
    await rm(this.place.directory, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.forget();
  }
}

/** Stops a process, and returns when all its threads stand still: until then it may go on answering. */
export function standStill(pid: number): void {
  process.kill(pid, 'SIGSTOP');
  const threads = `/proc/${pid}/task`;
  for (const until = Date.now() + 1_000; existsSync(threads) && Date.now() < until && !allStopped(threads); );
}

function allStopped(threads: string): boolean {
  try {
    const states = readdirSync(threads).map((id) => readFileSync(`${threads}/${id}/status`, 'utf8'));
    return states.every((status) => /^State:\s+[Tt]/m.test(status));
  } catch {
    // One ended while it was looked at.
    return false;
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

/** NATS introduces itself, Redis answers a PING once it has loaded what it kept. */
function answers(port: number): Promise<boolean> {
  return new Promise((settle) => {
    const socket = connect(port, '127.0.0.1', () => socket.write('PING\r\n'));
    socket.once('data', (answer) => {
      socket.destroy();
      settle(/^(INFO|\+PONG)/.test(answer.toString()));
    });
    socket.once('error', () => settle(false));
  });
}
