import type { DynamicModule } from '@nestjs/common';
import type { Secret } from '#env/secret';
import { createLog, type Log, type LogOptions } from '#log/log';
import { Readiness } from '#ops/readiness';
import { closeLink, type Line, type Link, lineOver, openLink } from './bus.module.js';
import { InProcessCarrier, InProcessStrategy } from './in-process.js';
import { type Serving, serve } from './start-service.js';

export interface OneProcessOptions {
  /** The process, as the broker lists it. */
  readonly name: string;
  readonly natsUrl: Secret;
  readonly logLevel: LogOptions['level'];
  /** The process's own. */
  readonly log: Log;
  /** Gets the parts of every service. */
  readonly readiness: Readiness;
}

/**
 * Services that share a process: each keeps a Nest application, a log and a readiness of its own, they ask each other in
 * memory, and their facts go over one connection to NATS.
 */
export class OneProcess {
  readonly #carrier = new InProcessCarrier();
  readonly #link: Link;
  readonly #services: Serving['closing'][] = [];

  constructor(private readonly options: OneProcessOptions) {
    this.#link = openLink(options);
  }

  /** For a service with its own bootstrap (the gateway). */
  lineOf(name: string): Line {
    const log = createLog({ service: name, level: this.options.logLevel });
    const readiness = new Readiness(log);
    this.options.readiness.include(name, readiness);
    return lineOver(this.#link, this.#carrier, { name, log, readiness });
  }

  /** Serves a service's module to the others; waits for its stores, for ever. */
  async serve(name: string, root: DynamicModule): Promise<void> {
    const line = this.lineOf(name);
    const strategy = new InProcessStrategy({ carrier: this.#carrier, log: line.log });
    const closing: Serving['closing'] = [];
    this.#services.push(closing);
    await serve({ root, line, strategy, closing });
    line.readiness.serving();
  }

  /** Drains and closes every service, then what they share. */
  async close(): Promise<void> {
    await Promise.all(
      this.#services.map(async (closing) => {
        for (const close of closing) await close();
      }),
    );
    this.#carrier.close();
    await closeLink(this.#link);
  }
}
