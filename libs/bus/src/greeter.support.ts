import { setTimeout as delay } from 'node:timers/promises';
import { Module } from '@nestjs/common';
import { z } from 'zod';
import { type Received, service } from '#contracts/service';
import { runtimeEnv } from '#env/fields';
import { Serve } from './serve.js';
import { startService } from './start-service.js';

/** The smallest service, run as a process by `start-service.spec`. */
export const greeter = service('greeter', {
  greet: { request: z.strictObject({ ms: z.int() }), reply: z.string(), faults: [] },
  crash: { request: z.strictObject({}), reply: z.null(), faults: [] },
});

const greeterEnv = z.object({ ...runtimeEnv, GREETING: z.string(), TIMES: z.coerce.number().int() });

@Serve(greeter)
class GreeterController {
  async greet({ ms }: Received<typeof greeter.greet>) {
    await delay(ms);
    return 'hello';
  }

  async crash() {
    setImmediate(() => {
      throw new Error('nobody catches this');
    });
    return null;
  }
}

@Module({ controllers: [GreeterController] })
class GreeterModule {}

if (process.argv[1] === import.meta.filename) await startService('greeter', greeterEnv, () => GreeterModule);
