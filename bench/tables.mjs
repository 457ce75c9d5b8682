import { titles } from './flow.mjs';
import { applicationMiB, goalTable, taxOf } from './goals.mjs';
import { digits, table } from './markdown.mjs';
import { stores } from './pinning.mjs';
import { apart, application, median, summary } from './summary.mjs';

/** The figures of a comparison as Markdown: the goals, what each flow costs and where, the bus, the memory. */
export function tables(figures) {
  const flows = unique(figures.windows, 'flow');
  const names = unique(figures.windows, 'name');
  const picked = (all, flow, name) => all.filter((each) => each.flow === flow && each.name === name);
  const of = (flow, name) => summary(picked(figures.windows, flow, name), picked(figures.alone, flow, name));
  const compared = names.includes('segue') && names.includes('by hand');
  return [
    compared && `### Against the goals\n\n${goalTable(of, figures)}`,
    ...flows.map((flow) => `### ${flow}: ${titles[flow]}\n\n${flowTable(names.map((name) => [name, of(flow, name)]))}`),
    figures.bus && `### The bus\n\n${busTable(figures.bus)}`,
    `### Memory after the load\n\n${memoryTable(figures.memory)}`,
    `### Until steady\n\n${warmTable(figures.warmed, flows, names)}`,
  ]
    .filter(Boolean)
    .join('\n\n');
}

const unique = (all, key) => [...new Set(all.map((each) => each[key]))];

function flowTable(rows) {
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
  const lines = rows.map(([name, each]) => [
    name,
    Math.round(each.perSecond),
    digits(each.p50, 1),
    digits(each.p99, 1),
    digits(each.alone, 2),
    digits(each.application, 0),
    digits(each.cpu.Postgres, 0),
    digits(each.cpu.Redis, 0),
    byProcess(each.cpu),
    each.errors,
  ]);
  return table(head, lines);
}

function byProcess(cpu) {
  const own = Object.entries(cpu).filter(([part, micros]) => !apart.includes(part) && micros >= 1);
  return own.map(([part, micros]) => `${part} ${Math.round(micros)}`).join(', ');
}

function busTable({ requests, asks }) {
  const line = (what, windows, name) => {
    const own = windows.filter((each) => each.name === name);
    const parts = Object.keys(own[0].cpuMicros);
    const cpu = Object.fromEntries(parts.map((part) => [part, median(own.map(({ cpuMicros }) => cpuMicros[part]))]));
    return [`${what}, ${name}`, digits(application(cpu), 1), byProcess(cpu)];
  };
  const lines = [
    ['a whole request', requests],
    ['the ask alone', asks],
  ].flatMap(([what, windows]) => [
    line(what, windows, 'over the bus'),
    line(what, windows, 'in process'),
    [`${what}, the one / the other`, digits(taxOf(windows), 2), ''],
  ]);
  return table(['', 'CPU µs', 'of these'], lines);
}

function memoryTable(memory) {
  const lines = memory.map(({ name, resident }) => {
    const own = Object.entries(resident).filter(([part]) => !stores.includes(part));
    return [
      name,
      digits(applicationMiB(resident), 0),
      own.map(([part, size]) => `${part} ${Math.round(size)}`).join(', '),
    ];
  });
  return table(['MiB resident', 'together', 'processes'], lines);
}

function warmTable(warmed, flows, names) {
  const text = (flow, name) => {
    const { seconds, isSteady } = warmed.find((each) => each.flow === flow && each.name === name);
    return `${isSteady ? '' : '> '}${seconds.toFixed(0)}`;
  };
  return table(
    ['seconds', ...flows],
    names.map((name) => [name, ...flows.map((flow) => text(flow, name))]),
  );
}
