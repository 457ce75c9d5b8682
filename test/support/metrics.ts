import { request } from './http.js';
import type { ServiceName, Stack } from './stack.js';

/** What the metrics of a process said at one moment. */
export class Scrape {
  constructor(readonly text: string) {}

  static async of({ ops }: Pick<Stack, 'ops'>, name: ServiceName): Promise<Scrape> {
    return new Scrape((await request(`${ops[name]}/metrics`)).text);
  }

  /** Every series of a metric by its labels, written as `verb=session.open,outcome=ok`. */
  series(metric: string): Readonly<Record<string, number>> {
    const lines = this.text
      .split('\n')
      .filter((line) => line.startsWith(`${metric}{`) || line.startsWith(`${metric} `));
    return Object.fromEntries(
      lines.map((line) => {
        const [, labels = '', value = ''] = /^[^{ ]+(?:\{(.*)\})? (\S+)$/.exec(line) ?? [];
        return [labels.replaceAll('"', ''), value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value)];
      }),
    );
  }

  /** One series; `undefined` where it is not shown. */
  value(metric: string, labels = ''): number | undefined {
    return this.series(metric)[labels];
  }

  /** How much each series has grown since; what has not is left out. */
  since(before: Scrape, metric: string): Readonly<Record<string, number>> {
    const [earlier, now] = [before.series(metric), this.series(metric)];
    const grown = Object.entries(now).map(([labels, value]) => [labels, value - (earlier[labels] ?? 0)] as const);
    return Object.fromEntries(grown.filter(([, more]) => more !== 0));
  }
}
