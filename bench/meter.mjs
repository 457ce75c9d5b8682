import { readdirSync, readFileSync } from 'node:fs';

/** The kernel counts in ticks; 100 a second wherever Linux runs Node. */
const ticks = 100;

/** CPU time a process and all below it have used so far, in seconds. */
export function cpuSeconds(pid) {
  return treeOf(pid).reduce((sum, each) => sum + (stat(each)?.own ?? 0), stat(pid)?.reaped ?? 0);
}

/** Memory a process and all below it hold, in MiB. Pages they share count once each: use it for single processes. */
export function residentMiB(pid) {
  return treeOf(pid).reduce((sum, each) => sum + residentKiB(each), 0) / 1024;
}

function treeOf(root) {
  const children = new Map();
  for (const entry of readdirSync('/proc')) {
    const found = /^\d+$/.test(entry) && stat(entry);
    if (found) children.set(found.parent, [...(children.get(found.parent) ?? []), Number(entry)]);
  }
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
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
