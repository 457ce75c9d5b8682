/** Postgres and Redis are told apart from what the application costs; the broker is part of it. */
export const apart = ['Postgres', 'Redis'];

/** What a system's application and broker cost, CPU µs per operation. */
export const application = (cpu) =>
  Object.entries(cpu).reduce((sum, [part, micros]) => sum + (apart.includes(part) ? 0 : micros), 0);

/** The medians of some windows of one flow of one system; undefined where there are none. */
export function summary(windows, alone = []) {
  if (windows.length === 0) return undefined;
  const middle = (value, of = windows) => median(of.map(value).filter(Number.isFinite));
  const parts = Object.keys(windows[0].cpuMicros);
  return {
    perSecond: middle(({ perSecond }) => perSecond),
    p50: middle(({ p50 }) => p50),
    p99: middle(({ p99 }) => p99),
    alone: middle(({ p50 }) => p50, alone),
    errors: [...windows, ...alone].reduce((sum, { errors }) => sum + errors, 0),
    cpu: Object.fromEntries(parts.map((part) => [part, middle(({ cpuMicros }) => cpuMicros[part])])),
    application: middle(({ cpuMicros }) => application(cpuMicros)),
  };
}

export function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}
