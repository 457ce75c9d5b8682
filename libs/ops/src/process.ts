import process from 'node:process';
import type { z } from 'zod';
import { EnvError, readEnv } from '#env/env';
import type { Log } from '#log/log';

/** Longer than a drain and every close may take; then the process ends as it is. */
const patienceMs = 10_000;

/** The settings of a process, or one clear list of what is wrong with them and exit code 1. */
export function configOrExit<Schema extends z.ZodObject>(service: string, schema: Schema): Readonly<z.output<Schema>> {
  try {
    return readEnv(schema);
  } catch (error) {
    if (!(error instanceof EnvError)) throw error;
    process.stderr.write(`${service} cannot start. ${error.message}\n`);
    process.exit(1);
  }
}

/** After an error nobody caught nothing is certain any more: log it and let the orchestrator start afresh. */
export function exitOnBug(log: Log): void {
  const exit = (err: unknown) => {
    log.error('uncaught error, the process ends', { err });
    process.exit(1);
  };
  process.on('uncaughtException', exit);
  process.on('unhandledRejection', exit);
}

/** Runs `stop` on the first SIGTERM or SIGINT, then exits; npm forwards signals, so repeats are ignored. */
export function stopOnSignal(log: Log, stop: () => Promise<void>): void {
  let stopping = false;
  const onSignal = async (signal: NodeJS.Signals) => {
    if (stopping) return;
    stopping = true;
    log.info('stopping', { signal });
    setTimeout(() => {
      log.error('stopping took too long', { patienceMs });
      process.exit(1);
    }, patienceMs).unref();
    try {
      await stop();
      log.info('stopped');
      process.exit(0);
    } catch (err) {
      log.error('stopping failed', { err });
      process.exit(1);
    }
  };
  process.on('SIGTERM', onSignal);
  process.on('SIGINT', onSignal);
}
