import { mkdirSync } from 'node:fs';
import { passwordsOf, urlFor } from './accounts.mjs';
import { inRoot } from './paths.mjs';
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
 * Starts a private NATS with JetStream and waits until it answers. With `secrets` everybody has an account with exactly
 * its subjects (deploy/nats.conf); without, it is open to this machine, as specs of single parts need it.
 * @returns {Promise<string>} its URL, the operator's where there are accounts
 */
export async function startNats({ processes, directory, log, layer, secrets }) {
  const { command, env } = await natsProgram();
  const port = await freePort();
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const accounts = secrets ? passwordsOf('NATS', secrets) : {};
  const args = [
    ...(secrets ? ['--config', inRoot('deploy', 'nats.conf')] : ['--jetstream']),
    ...['--store_dir', directory, '--addr', '127.0.0.1', '--port', String(port)],
  ];
  const child = processes.start({ name: 'NATS', layer, command, args, env: { ...env, ...accounts }, log });
  const login = secrets ? { user: 'operator', pass: secrets.NATS_OPERATOR_PASSWORD } : {};
  await whenReady(child, () => talk(port, `CONNECT ${JSON.stringify(login)}\r\nPING\r\n`, 'PONG'));
  return urlFor('NATS', 'operator', `nats://127.0.0.1:${port}`, secrets ?? {});
}
