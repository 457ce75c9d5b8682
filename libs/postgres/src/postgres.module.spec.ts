import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Global, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { MigrationInterface, QueryRunner } from 'typeorm';
import { Secret } from '#env/secret';
import { createLog } from '#log/log';
import { Readiness } from '#ops/readiness';
import { type Edge, edge } from './edge.support.js';
import { Postgres, statement } from './postgres.js';
import { PostgresModule } from './postgres.module.js';
import { type ScratchStore, scratchStore } from './testing.js';

class CreateThing1763600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('CREATE TABLE thing (id int)');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE thing');
  }
}

const lines: { level: string; msg: string }[] = [];
const log = createLog({ service: 'spec', level: 'info', write: (line) => lines.push(JSON.parse(line)) });
let readiness: Readiness;

@Global()
@Module({ providers: [{ provide: Readiness, useFactory: () => readiness }], exports: [Readiness] })
class Process {}

let scratch: ScratchStore;
let wire: Edge;

beforeAll(async () => {
  scratch = await scratchStore({ entities: [], migrations: [CreateThing1763600000000] });
});

beforeEach(async () => {
  wire = await edge(scratch.url.reveal());
  readiness = new Readiness(log);
  lines.length = 0;
});

afterEach(() => wire.close());
afterAll(() => scratch.drop());

/** The process as `startService` makes it; `started` resolves when everything stands. */
function start(migrations: (new () => MigrationInterface)[] = [CreateThing1763600000000]) {
  const store = { schema: scratch.schema, migrations, url: new Secret(wire.url) };

  @Module({ imports: [Process, PostgresModule.with(store)] })
  class Service {}

  const state = { up: false };
  const started = NestFactory.createApplicationContext(Service, { logger: log.forNest(), abortOnError: false });
  void started.then(() => {
    state.up = true;
  });
  return { state, started };
}

const partOf = async () => (await readiness.parts()).get('postgres');

describe('PostgresModule', () => {
  it('waits for a Postgres that comes later, and says so now and then', async () => {
    wire.cut();
    const { state, started } = start();
    await sleep(1200);
    expect(state.up).toBe(false);
    expect(lines.map(({ level, msg }) => [level, msg.split(':')[0]])).toEqual([['warn', 'Waiting for Postgres']]);
    wire.restore();
    const app = await started;
    const [row] = await app.get(Postgres).query(statement('spec.schema', 'SELECT current_schema()'));
    expect(row).toEqual({ current_schema: scratch.schema });
    await app.close();
  });

  it('does not start on a schema that lacks a migration', async () => {
    class AddLater1763600000001 extends CreateThing1763600000000 {}
    const { state, started } = start([CreateThing1763600000000, AddLater1763600000001]);
    await sleep(700);
    expect(state.up).toBe(false);
    expect(lines.map(({ msg }) => msg)).toEqual(['Waiting for Postgres: its schema lacks AddLater1763600000001']);
    await scratch.dataSource.query(`INSERT INTO migrations (timestamp, name) VALUES (1, 'AddLater1763600000001')`);
    await (await started).close();
  });

  it('is ready only while Postgres answers, and is back without help', async () => {
    const app = await start().started;
    expect(await partOf()).toBe('up');
    wire.cut();
    expect(await partOf()).toBe('down');
    wire.restore();
    while ((await partOf()) === 'down') await sleep(50);
    wire.freeze();
    expect(await partOf()).toBe('down');
    wire.restore();
    while ((await partOf()) === 'down') await sleep(50);
    await app.close();
  });
});
