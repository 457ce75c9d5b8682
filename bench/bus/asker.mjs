// Asks the empty verb, over NATS or in its own process: FORM=nats|in-process NATS_URL=… PORT=… node bench/bus/asker.mjs
//   GET /ask          one ask: a whole request, HTTP in, ask, HTTP out
//   GET /asks/20000   so many asks, 64 in flight, and no HTTP between them
import 'reflect-metadata';
import { Controller, Get, Module, Param } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { Bus } from '#bus/bus';
import { BusModule, openLine } from '#bus/bus.module';
import { OneProcess } from '#bus/one-process';
import { Secret } from '#env/secret';
import { createLog } from '#log/log';
import { Readiness } from '#ops/readiness';
import { EmptyModule, empty } from './empty.mjs';

const { FORM, NATS_URL, PORT } = process.env;
const inFlight = 64;

class AskController {
  constructor(bus) {
    this.bus = bus;
  }

  async one() {
    return { answer: await this.bus.ask(empty.nothing, { text: 'a' }) };
  }

  async many(count) {
    let left = Number(count);
    const loop = async () => {
      while (left-- > 0) await this.bus.ask(empty.nothing, { text: 'a' });
    };
    await Promise.all(Array.from({ length: inFlight }, loop));
    return { answer: count };
  }
}

/** What TypeScript would make of decorators. */
const decorate = (name, decorator, parameters = []) => {
  const method = Object.getOwnPropertyDescriptor(AskController.prototype, name);
  decorator(AskController.prototype, name, method);
  for (const [index, parameter] of parameters.entries()) parameter(AskController.prototype, name, index);
};
Controller()(AskController);
Reflect.defineMetadata('design:paramtypes', [Bus], AskController);
decorate('one', Get('ask'));
decorate('many', Get('asks/:count'), [Param('count')]);

class AskModule {}
Module({ controllers: [AskController] })(AskModule);

const log = createLog({ service: 'asker', level: 'warn' });
const options = { name: 'asker', natsUrl: new Secret(NATS_URL), logLevel: 'warn', log, readiness: new Readiness(log) };

async function lineInProcess() {
  const services = new OneProcess(options);
  await services.serve('empty', { module: EmptyModule });
  return services.lineOf('asker');
}

const line = FORM === 'nats' ? openLine(options) : await lineInProcess();
const root = { module: AskModule, imports: [BusModule.over(line)] };
const app = await NestFactory.create(root, new FastifyAdapter(), { logger: false });
await app.listen(Number(PORT), '127.0.0.1');
