import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { titles } from './flow.mjs';
import { canPin } from './pinning.mjs';

/** Postgres and Redis are told apart from what the application costs. */
const apart = ['Postgres', 'Redis'];
const baseline = 'by hand';

/** The figures of a run as Markdown: what each flow costs, where, and the ratios to what one would write by hand. */
export function tables(figures, { rounds, windowMs, connections }) {
  const flows = [...new Set(figures.map(({ flow }) => flow))];
  const names = [...new Set(figures.map(({ name }) => name))];
  const of = (flow, name) => summary(figures.filter((figure) => figure.flow === flow && figure.name === name));
  return [
    `${machine()}; ${rounds} rounds of ${windowMs / 1000} s, ${connections} connections, medians; ${canPin ? 'application and broker on one core, Postgres, Redis and the load on another' : 'not pinned'}.`,
    ...flows.map((flow) => `### ${flow}: ${titles[flow]}\n\n${flowTable(names.map((name) => [name, of(flow, name)]))}`),
    names.includes(baseline) ? `### Ratios to by hand\n\n${ratioTable(flows, names, of)}` : '',
    `### Memory, MiB resident after the last flow\n\n${memoryTable(names, (name) => of(flows.at(-1), name))}`,
  ]
    .filter(Boolean)
    .join('\n\n');
}

function flowTable(rows) {
  const lines = rows.map(([name, each]) => [
    name,
    Math.round(each.perSecond),
    fixed(each.p50, 1),
    fixed(each.p99, 1),
    fixed(each.unloadedP50, 2),
    fixed(each.application, 0),
    fixed(each.cpu.Postgres, 0),
    fixed(each.cpu.Redis, 0),
    byProcess(each.cpu),
    each.errors,
  ]);
  const head = [
    '',
    'ops/s',
    'p50 ms',
    'p99 ms',
    'alone p50 ms',
    'CPU µs/op',
    'Postgres',
    'Redis',
    'of these',
    'errors',
  ];
  return markdown(head, lines);
}

function ratioTable(flows, names, of) {
  const head = [
    '',
    ...names.filter((name) => name !== baseline).flatMap((name) => columns.map(([what]) => `${name}: ${what}`)),
  ];
  const lines = flows.map((flow) => {
    const hand = of(flow, baseline);
    const others = names.filter((name) => name !== baseline).map((name) => of(flow, name));
    return [flow, ...others.flatMap((other) => columns.map(([, value]) => fixed(value(other) / value(hand), 2)))];
  });
  return markdown(head, lines);
}

const columns = [
  ['CPU', ({ application }) => application],
  ['Postgres', ({ cpu }) => cpu.Postgres],
  ['p50 alone', ({ unloadedP50 }) => unloadedP50],
  ['p99', ({ p99 }) => p99],
];

function memoryTable(names, of) {
  const lines = names.map((name) => {
    const { resident } = of(name);
    const own = Object.entries(resident).filter(([part]) => !apart.includes(part) && part !== 'NATS');
    const each = own.map(([part, size]) => `${part} ${Math.round(size)}`).join(', ');
    return [name, Math.round(own.reduce((sum, [, size]) => sum + size, 0)), each];
  });
  return markdown(['', 'together', 'processes'], lines);
}

function summary(rounds) {
  const middle = (value) => median(rounds.map(value).filter(Number.isFinite));
  const parts = Object.keys(rounds[0].cpuMicros);
  const cpu = Object.fromEntries(parts.map((part) => [part, middle((figure) => figure.cpuMicros[part])]));
  return {
    perSecond: middle(({ perSecond }) => perSecond),
    p50: middle(({ p50 }) => p50),
    p99: middle(({ p99 }) => p99),
    unloadedP50: middle(({ unloadedP50 }) => unloadedP50),
    errors: rounds.reduce((sum, { errors }) => sum + errors, 0),
    cpu,
    application: parts.filter((part) => !apart.includes(part)).reduce((sum, part) => sum + cpu[part], 0),
    resident: rounds.at(-1).residentMiB,
  };
}

function byProcess(cpu) {
  const own = Object.entries(cpu).filter(([part, micros]) => !apart.includes(part) && micros >= 1);
  return own.map(([part, micros]) => `${part} ${Math.round(micros)}`).join(', ');
}

function median(values) {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN;
}

const fixed = (value, digits) => (Number.isFinite(value) ? value.toFixed(digits) : '–');

function markdown(head, lines) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  return [line(head), line(head.map((_, index) => (index === 0 ? '---' : '--:'))), ...lines.map(line)].join('\n');
}

function machine() {
  const model = /model name\s*:\s*(.+)/.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown processor';
  return `${model}, ${availableParallelism()} cores, Node ${process.versions.node}`;
}
