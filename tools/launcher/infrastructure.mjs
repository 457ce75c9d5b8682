import { join } from 'node:path';
import { natsProgram, startNats } from './nats.mjs';
import { startPostgres } from './postgres.mjs';
import { redisProgram, startRedis } from './redis.mjs';

/**
 * Starts a private Postgres, Redis and NATS on free ports of the loopback address, with their data below `directory`
 * and their logs in `logs`; with `secrets` under the accounts of deploy/, without them open to this machine. Their layers are 1 to 3: they stop after the services, NATS first and Postgres last.
 * @returns {Promise<{ postgres: string, redis: string, nats: string }>} their URLs
 */
export async function startInfrastructure({ processes, directory, logs, secrets }) {
  const place = (name, layer) => ({
    processes,
    layer,
    secrets,
    directory: join(directory, name),
    log: join(logs, `${name}.log`),
  });
  const [postgres, redis, nats] = await Promise.all([
    startPostgres(place('postgres', 1)),
    startRedis(place('redis', 2)),
    startNats(place('nats', 3)),
  ]);
  return { postgres, redis, nats };
}

/** Brings the programs that are no npm packages, which takes as long as those: start it beside them. */
export async function bringPrograms() {
  await Promise.all([redisProgram(), natsProgram()]);
}
