import type { Bus } from '#bus/bus';
import { openLine } from '#bus/bus.module';
import { Secret } from '#env/secret';
import { createLog } from '#log/log';
import { Readiness } from '#ops/readiness';
import type { Stack } from './stack.js';

/** Asks the services of a stack directly, past the gateway. */
export async function busOf({ nats }: Stack): Promise<{ bus: Bus; close(): Promise<void> }> {
  const log = createLog({ service: 'spec', level: 'silent' });
  const { bus, requests, connection } = openLine({
    name: 'spec',
    natsUrl: new Secret(nats),
    log,
    readiness: new Readiness(log),
  });
  await connection.ready;
  return {
    bus,
    close: async () => {
      requests.close();
      await connection.close();
    },
  };
}
