// The smallest service there can be, as a process of its own: what it is asked costs nothing but the asking.
import 'reflect-metadata';
import { Module } from '@nestjs/common';
import { z } from 'zod';
import { Serve } from '#bus/serve';
import { startService } from '#bus/start-service';
import { service } from '#contracts/service';
import { runtimeEnv } from '#env/fields';

export const empty = service('empty', {
  nothing: { request: z.strictObject({ text: z.string() }), reply: z.string(), faults: [] },
});

class EmptyController {
  async nothing({ text }) {
    return text;
  }
}
Serve(empty)(EmptyController);

export class EmptyModule {}
Module({ controllers: [EmptyController] })(EmptyModule);

if (process.argv[1] === import.meta.filename) await startService('empty', z.object(runtimeEnv), () => EmptyModule);
