import { digits, table } from './markdown.mjs';
import { application, median } from './summary.mjs';

/** What is to be reached against what one would write by hand: [flow, must, moonshot]. */
const ratios = [
  {
    what: 'CPU of application and broker, against by hand',
    of: ({ application }) => application,
    goals: [
      ['F1', 0.8, 0.5],
      ['F2', 0.8, 0.5],
      ['F3', 0.75, 0.45],
      ['F4', 0.6, 0.35],
      ['F5', 0.15, 0.12],
      ['F5-first', 1, 0.9],
    ],
  },
  {
    what: 'CPU of Postgres, against by hand',
    of: ({ cpu }) => cpu.Postgres,
    goals: ['F1', 'F2', 'F3', 'F4'].map((flow) => [flow, 0.25, 0.15]),
  },
  {
    what: 'p50 with one connection, against by hand',
    of: ({ alone }) => alone,
    goals: ['F1', 'F2', 'F4'].map((flow) => [flow, 1.6, 1.3]),
  },
  {
    what: 'p99 with all connections, against by hand',
    of: ({ p99 }) => p99,
    goals: ['F1', 'F2', 'F3', 'F4', 'F5'].map((flow) => [flow, 1, 0.7]),
  },
];
const resident = [
  ['segue', 'Memory of the five processes, MiB', 650, 450],
  ['one process', 'Memory of all in one process, MiB', 250, 180],
];
const tax = [1.35, 1.2];
/** Of the cost of an operation, from the smallest size to the largest. */
export const growth = [1.3, 1.1];

/**
 * The figures of a run beside what they are to be.
 * @param {(flow: string, name: string) => object | undefined} of a flow's medians in a system
 * @param {{ memory: object[], bus?: object }} figures
 */
export function goalTable(of, { memory, bus }) {
  const rows = ratios.flatMap(({ what, of: value, goals }) =>
    goals.flatMap(([flow, ...goal]) => {
      const [ours, byHand] = [of(flow, 'segue'), of(flow, 'by hand')];
      return ours && byHand ? [row(`${flow}: ${what}`, value(ours) / value(byHand), 2, goal)] : [];
    }),
  );
  const whole = bus && taxOf(bus.requests);
  const held = resident.flatMap(([name, what, ...goal]) => {
    const found = memory.find((each) => each.name === name);
    return found ? [row(what, applicationMiB(found.resident), 0, goal)] : [];
  });
  const all = [
    ...rows,
    ...(bus ? [row('Bus tax: an empty request over the bus / in process', whole, 2, tax)] : []),
    ...held,
  ];
  return table(['', 'measured', 'must', 'moonshot', ''], all);
}

export const row = (what, measured, count, [must, moonshot]) => [
  what,
  digits(measured, count),
  `≤ ${must}`,
  `≤ ${moonshot}`,
  verdict(measured, must, moonshot),
];

function verdict(measured, must, moonshot) {
  if (measured <= moonshot) return 'moonshot';
  return measured <= must ? 'met' : 'not met';
}

/** How much more it costs over the bus than in process. */
export function taxOf(windows) {
  const cost = (form) =>
    median(windows.filter(({ name }) => name === form).map(({ cpuMicros }) => application(cpuMicros)));
  return cost('over the bus') / cost('in process');
}

/** What the processes of the application hold together; the broker is not theirs. */
export function applicationMiB(held) {
  const own = Object.entries(held).filter(([part]) => !['Postgres', 'Redis', 'NATS'].includes(part));
  return own.reduce((sum, [, size]) => sum + size, 0);
}
