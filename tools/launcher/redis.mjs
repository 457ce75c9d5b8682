import { mkdirSync } from 'node:fs';
import { freePort } from './ports.mjs';
import { whenReady } from './processes.mjs';
import { program } from './program.mjs';
import { talk } from './talk.mjs';

const redis = {
  names: ['redis-server', 'valkey-server'],
  debian: 'redis-server',
  install: '`apt install redis-server`, `brew install redis`, or use `docker compose up --wait` instead of `npm start`',
};

/** The program, brought if need be. */
export const redisProgram = () => program(redis);

/**
 * Starts a private Redis and waits until it answers.
 * @returns {Promise<string>} its URL
 */
export async function startRedis({ processes, directory, log, layer }) {
  const { command, env } = await redisProgram();
  const port = await freePort();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const settings = {
    bind: '127.0.0.1',
    port,
    dir: directory,
    appendonly: 'yes',
    appendfsync: 'everysec',
    save: '',
    'maxmemory-policy': 'noeviction',
  };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = processes.start({ name: 'Redis', layer, command, args, env, log });
  await whenReady(child, () => talk(port, 'PING\r\n', '+PONG'));
  return `redis://127.0.0.1:${port}`;
}
