import { afterEach, describe, expect, it } from '@jest/globals';
import { createLog } from '#log/log';
import { type Ops, startOps } from './ops.js';
import { Readiness } from './readiness.js';

describe('the private listener', () => {
  let ops: Ops | undefined;

  afterEach(() => ops?.close());

  async function listen() {
    const lines: Record<string, unknown>[] = [];
    const log = createLog({ service: 'spec', level: 'info', write: (line) => lines.push(JSON.parse(line)) });
    const readiness = new Readiness(log);
    const started = await startOps({ host: '127.0.0.1', port: 0, readiness, log });
    ops = started;
    const get = async (path: string) => {
      const response = await fetch(`${started.url}${path}`);
      return { status: response.status, text: await response.text() };
    };
    return { readiness, lines, get };
  }

  it('is live at once, ready once the process serves, no longer when it stops', async () => {
    const { readiness, get } = await listen();
    expect(await get('/health/live')).toMatchObject({ status: 200 });
    expect((await get('/health/ready')).status).toBe(503);
    readiness.serving();
    expect((await get('/health/ready')).status).toBe(200);
    readiness.stopping();
    expect((await get('/health/ready')).status).toBe(503);
    expect((await get('/health/live')).status).toBe(200);
  });

  it('names every part and its state; reasons stand in the log, once', async () => {
    const { readiness, lines, get } = await listen();
    readiness.serving();
    let works = false;
    readiness.add('nats', async () => {});
    readiness.add('postgres', async () => {
      if (!works) throw new Error('connect ECONNREFUSED 10.0.0.5:5432');
    });
    const answers = [await get('/health/ready'), await get('/health/ready')];
    for (const { status, text } of answers) {
      expect(status).toBe(503);
      expect(JSON.parse(text).details).toEqual({
        process: { status: 'up' },
        nats: { status: 'up' },
        postgres: { status: 'down' },
      });
      expect(text).not.toMatch(/ECONN|10\.0\.0\.5| at /);
    }
    works = true;
    expect((await get('/health/ready')).status).toBe(200);
    expect(lines.map(({ level, msg, part }) => [level, msg, part])).toEqual([
      ['warn', 'part is down', 'postgres'],
      ['info', 'part is back', 'postgres'],
    ]);
  });

  it('names the parts of services that share the process, each reporting to its own log', async () => {
    const { readiness, lines, get } = await listen();
    readiness.serving();
    const reported: Record<string, unknown>[] = [];
    const log = createLog({ service: 'session', level: 'info', write: (line) => reported.push(JSON.parse(line)) });
    const session = new Readiness(log);
    readiness.include('session', session);
    session.add('postgres', async () => {});
    const { status, text } = await get('/health/ready');
    expect(status).toBe(503);
    expect(JSON.parse(text).details).toEqual({
      process: { status: 'up' },
      'session.process': { status: 'down' },
      'session.postgres': { status: 'up' },
    });
    expect(lines).toEqual([]);
    expect(reported.map(({ msg, part }) => [msg, part])).toEqual([['part is down', 'process']]);
    session.serving();
    expect((await get('/health/ready')).status).toBe(200);
  });

  it('takes a part that does not answer within a second as down', async () => {
    const { readiness, get } = await listen();
    readiness.serving();
    readiness.add('redis', () => new Promise(() => {}));
    const before = performance.now();
    expect((await get('/health/ready')).status).toBe(503);
    expect(performance.now() - before).toBeLessThan(1_500);
  });

  it('shows the metrics of the process, in the text format of Prometheus', async () => {
    await listen();
    const response = await fetch(`${ops?.url}/metrics`);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    expect(await response.text()).toMatch(/^# TYPE segue_bus_served_total counter$/m);
  });

  it('shows no stack for what it does not know', async () => {
    const { get } = await listen();
    const { status, text } = await get('/health/../etc/%ff');
    expect(status).toBeGreaterThanOrEqual(400);
    expect(text).not.toMatch(/\.js|node_modules/);
  });
});
