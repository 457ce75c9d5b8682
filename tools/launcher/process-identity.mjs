import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';

/** A process as it can be recognised later: its pid alone may belong to somebody else by then. */
export const identify = (pid) => ({ pid, started: startTime(pid) });

/** Whether exactly this process still runs. */
export const isAlive = ({ pid, started }) => started !== null && startTime(pid) === started;

/** Sends a signal to exactly this process; one that has ended is left in peace. */
export function send(known, signal) {
  if (!isAlive(known)) return;
  try {
    process.kill(known.pid, signal);
  } catch (error) {
    if (error.code !== 'ESRCH') throw error;
  }
}

/** When a process started, in the system's own form; null when it has ended (a zombie has). */
function startTime(pid) {
  if (!existsSync('/proc/self/stat')) return startTimeFromPs(pid);
  try {
    // The second field is the name in parentheses and may hold blanks; the state follows it, the start time is field 22.
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? null : fields[19];
  } catch {
    return null;
  }
}

function startTimeFromPs(pid) {
  const { status, stdout } = spawnSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], { encoding: 'utf8' });
  const [state = 'Z', ...started] = (stdout ?? '').trim().split(/\s+/);
  return status !== 0 || state.startsWith('Z') ? null : started.join(' ');
}
