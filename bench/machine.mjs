import { readFileSync } from 'node:fs';
import { availableParallelism, totalmem } from 'node:os';
import { execute } from '../tools/launcher/command.mjs';
import { natsProgram } from '../tools/launcher/nats.mjs';
import { postgresPrograms } from '../tools/launcher/postgres-programs.mjs';
import { redisProgram } from '../tools/launcher/redis.mjs';
import { canPin } from './pinning.mjs';

/** On what a run has run, in one sentence. */
export async function machine() {
  const model = /model name\s*:\s*(.+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown processor';
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const [command, args] = postgresPrograms().run('postgres', '--version');
  const versions = await Promise.all([
    version('Postgres', { command, args }),
    version('Redis', await redisProgram()),
    version('NATS', await natsProgram()),
  ]);
  const cores = `${availableParallelism()} cores`;
  const place = canPin
    ? 'application and broker on the first core, Postgres, Redis and the load on the last'
    : 'nothing kept on a core of its own';
  return `${model}, ${cores}, ${memory}; Node ${process.versions.node}, ${versions.join(', ')}; ${place}`;
}

async function version(name, { command, args = ['--version'], env }) {
  const text = await execute(command, args, { env });
  return `${name} ${/\d+\.\d+[\w.]*/.exec(text)?.[0] ?? 'of unknown version'}`;
}
