import { spawnSync } from 'node:child_process';

/** nobody's uid and gid. */
const NOBODY = 65534;

/**
 * Postgres refuses to run as root. A user namespace makes root an ordinary user without leaving its files; where
 * containers forbid that, nobody's uid with the right to reach the folders on the way; the last resort is nobody's alone.
 */
const disguises = [
  { prefix: ['unshare', '--user', '--map-user=1000', '--map-group=1000'], uid: 0 },
  { prefix: asNobody('--inh-caps=+dac_override', '--ambient-caps=+dac_override'), uid: NOBODY },
  { prefix: asNobody(), uid: NOBODY },
];

/**
 * How to run a program that root must not run, and who has to own its files.
 * @returns {{ prefix: string[], uid: number } | null} null when this process is not root
 */
export function ordinaryUser() {
  if (process.getuid?.() !== 0) return null;
  return disguises.find(({ prefix: [command, ...args] }) => spawnSync(command, [...args, 'true']).status === 0) ?? null;
}

function asNobody(...capabilities) {
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...capabilities];
}
