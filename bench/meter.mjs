import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts in ticks; 100 a second wherever Linux runs Node. */
const ticks = 100;

/**
 * CPU time that each process and all below it have used so far, in seconds.
 * @param {Record<string, number>} groups pids by name
 * @returns {Record<string, number>}
 */
export function cpuSeconds(groups) {
  const table = processTable();
  return mapValues(groups, (pid) =>
    treeOf(pid, table).reduce((sum, each) => sum + (table.get(each)?.own ?? 0), table.get(pid)?.reaped ?? 0),
  );
}

/**
 * Memory that each process and all below it hold, in MiB. Pages they share count once each: it says something of single
 * processes.
 */
export function residentMiB(groups) {
  const table = processTable();
  return mapValues(groups, (pid) => treeOf(pid, table).reduce((sum, each) => sum + residentKiB(each), 0) / 1024);
}

const mapValues = (record, change) =>
  Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));

function processTable() {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry));
  return new Map(pids.map((pid) => [Number(pid), stat(pid)]).filter(([, found]) => found));
}

function treeOf(root, table) {
  const tree = [root];
  for (const pid of tree) for (const [child, { parent }] of table) if (parent === pid) tree.push(child);
  return tree;
}

/** proc_pid_stat(5); what stands in parentheses may contain anything, also spaces. */
function stat(pid) {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    return { parent: fields[1], own: (fields[11] + fields[12]) / ticks, reaped: (fields[13] + fields[14]) / ticks };
  } catch {
    return undefined; // it has ended
  }
}

function residentKiB(pid) {
  try {
    return Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0);
  } catch {
    return 0;
  }
}
