import { describe, expect, it } from '@jest/globals';
import { Registry } from '@prometheus-io/client';
import { exposition, registryOf } from './exposition.js';
import { bounds, Counts, Durations, Gauges } from './families.js';
import { metrics } from './metrics.js';

const about = { name: 'spec_total', help: 'A spec.', seenAt: 'here' };
const shown = async (...families: Parameters<typeof registryOf>[0]) =>
  (await registryOf(families, new Registry()).metrics()).split('\n').filter((line) => line && !line.startsWith('#'));

describe('a counter', () => {
  it('shows each series with what was added to it', async () => {
    const counts = new Counts({ ...about, labels: ['verb', 'outcome'] });
    const kept = counts.of({ verb: 'session.open', outcome: 'ok' });
    kept.add();
    kept.add(2);
    counts.of({ outcome: 'internal', verb: 'session.open' }).add();
    expect(counts.of({ outcome: 'ok', verb: 'session.open' })).toBe(kept);
    expect(await shown(counts)).toEqual([
      'spec_total{verb="session.open",outcome="ok"} 3',
      'spec_total{verb="session.open",outcome="internal"} 1',
    ]);
  });

  it('without labels is there before anything happened', async () => {
    expect(await shown(new Counts({ ...about, labels: [] }))).toEqual(['spec_total 0']);
  });

  it('takes no more than 2000 series, whatever makes them: the rest is counted together', async () => {
    const counts = new Counts({ ...about, labels: ['made'] });
    for (let n = 0; n < 2_500; n++) counts.of({ made: `${n}` }).add();
    const lines = await shown(counts);
    expect(lines.length).toBe(2_001);
    expect(lines.at(-1)).toBe('spec_total{made="other"} 500');
  });
});

describe('a histogram', () => {
  it('counts each value under every bound it does not exceed', async () => {
    const durations = new Durations({ ...about, name: 'spec_seconds', labels: ['verb'] });
    const kept = durations.of({ verb: 'a' });
    for (const seconds of [0.0005, 0.001, 0.002, 4, 60]) kept.record(seconds);
    const lines = await shown(durations);
    const upTo = (bound: number | string) =>
      Number(lines.find((line) => line.includes(`le="${bound}"`))?.split(' ')[1]);
    expect(bounds.map(upTo)).toEqual([2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 4]);
    expect(upTo('+Inf')).toBe(5);
    expect(lines).toContain('spec_seconds_count{verb="a"} 5');
    expect(lines.some((line) => line.startsWith('spec_seconds_sum{verb="a"} 64.0035'))).toBe(true);
  });
});

describe('a gauge', () => {
  it('is read at the scrape, and is away while nobody can tell it', async () => {
    const gauges = new Gauges({ ...about, name: 'spec', labels: ['of'] });
    gauges.watch({ of: 'known' }, async () => 7);
    gauges.watch({ of: 'unknown' }, () => undefined);
    gauges.watch({ of: 'failing' }, () => Promise.reject(new Error('no answer')));
    const end = gauges.watch({ of: 'gone' }, () => 1);
    end();
    expect(await shown(gauges)).toEqual(['spec{of="known"} 7']);
  });

  it('without labels is away too', async () => {
    const gauges = new Gauges({ ...about, name: 'spec', labels: [] });
    gauges.watch({}, () => undefined);
    expect(await shown(gauges)).toEqual([]);
  });

  it('is waited for no longer than a second', async () => {
    const gauges = new Gauges({ ...about, name: 'spec', labels: ['of'] });
    gauges.watch({ of: 'silent' }, () => new Promise(() => {}));
    gauges.watch({ of: 'known' }, () => 7);
    const before = performance.now();
    expect(await shown(gauges)).toEqual(['spec{of="known"} 7']);
    expect(performance.now() - before).toBeLessThan(1_500);
  });
});

describe('the table', () => {
  it('is shown with the metrics of the process, each with type and help', async () => {
    const { type, text } = await exposition();
    expect(type).toContain('text/plain; version=0.0.4');
    for (const { description, kind } of Object.values(metrics)) {
      expect(text).toContain(`# HELP ${description.name} `);
      expect(text).toContain(`# TYPE ${description.name} ${kind}\n`);
    }
    for (const name of [
      'process_cpu_seconds_total',
      'process_resident_memory_bytes',
      'nodejs_eventloop_lag_p99_seconds',
    ])
      expect(text).toMatch(new RegExp(`^${name} `, 'm'));
  });

  it.each(Object.values(metrics).map(({ kind, description }) => [description.name, kind] as const))(
    'names %s as Prometheus does',
    (name, kind) => {
      expect(name).toMatch(/^segue_[a-z]+(_[a-z]+)*$/);
      expect(name.endsWith('_total')).toBe(kind === 'counter');
      if (kind === 'histogram') expect(name).toMatch(/_seconds$/);
    },
  );
});

describe('recording', () => {
  /** Nanoseconds each, the best of some rounds: what a busy machine adds is not the cost. */
  const costOf = (record: () => void) => {
    const rounds = Array.from({ length: 7 }, () => {
      const before = process.hrtime.bigint();
      for (let n = 0; n < 100_000; n++) record();
      return Number(process.hrtime.bigint() - before) / 100_000;
    });
    return Math.min(...rounds);
  };

  it('costs less than a microsecond, with a handle or without', () => {
    const counts = new Counts({ ...about, labels: ['verb', 'outcome'] });
    const duration = new Durations({ ...about, labels: ['verb'] }).of({ verb: 'session.open' });
    const kept = counts.of({ verb: 'session.open', outcome: 'ok' });
    const costs = {
      kept: costOf(() => kept.add()),
      looked: costOf(() => counts.of({ verb: 'session.open', outcome: 'ok' }).add()),
      duration: costOf(() => duration.record(0.003)),
    };
    expect(costs.kept).toBeLessThan(1_000);
    expect(costs.duration).toBeLessThan(1_000);
    expect(costs.looked).toBeLessThan(1_000);
  });
});
