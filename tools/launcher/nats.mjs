import { mkdirSync } from 'node:fs';
import { freePort } from './ports.mjs';
import { whenReady } from './processes.mjs';
import { program } from './program.mjs';
import { talk } from './talk.mjs';

const nats = {
  names: ['nats-server'],
  debian: 'nats-server',
  install:
    '`apt install nats-server`, `brew install nats-server`, or use `docker compose up --wait` instead of `npm start`',
};

/** The program, brought if need be. */
export const natsProgram = () => program(nats);

/**
 * Starts a private NATS with JetStream and waits until it answers.
 * @returns {Promise<string>} its URL
 */
export async function startNats({ processes, directory, log, layer }) {
  const { command, env } = await natsProgram();
  const port = await freePort();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const args = ['--jetstream', '--store_dir', directory, '--addr', '127.0.0.1', '--port', String(port)];
  const child = processes.start({ name: 'NATS', layer, command, args, env, log });
  await whenReady(child, () => talk(port, 'CONNECT {}\r\nPING\r\n', 'PONG'));
  return `nats://127.0.0.1:${port}`;
}
