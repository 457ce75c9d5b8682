import { spawnSync } from 'node:child_process';

/** nobody's uid and gid. */
const NOBODY = 65534;

/**
 * Postgres refuses to run as root. A user namespace makes root an ordinary user of the same files; where containers
 * forbid that, nobody does, with the right to reach the data through folders closed to it, or at last without.
 */
const disguises = [
  { prefix: ['unshare', '--user', '--map-user=1000', '--map-group=1000'], uid: 0 },
  { prefix: nobody('--inh-caps=+dac_override', '--ambient-caps=+dac_override'), uid: NOBODY },
  { prefix: nobody(), uid: NOBODY },
];

/**
 * How to run a program that root must not run: what to put before it, and who has to own its files.
 * @returns {{ prefix: string[], uid: number | undefined } | undefined} undefined where root can be nobody else
 */
export function ordinaryUser() {
  if (process.getuid?.() !== 0) return { prefix: [], uid: process.getuid?.() };
  return disguises.find(({ prefix }) => succeeds([...prefix, 'true']));
}

/** Whether that user may run a file: capabilities do not count in this question, and programs ask it about themselves. */
export const mayRun = ({ prefix }, path) => succeeds([...prefix, 'test', '-x', path]);

function nobody(...capabilities) {
  return ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', ...capabilities];
}

function succeeds([command, ...args]) {
  return spawnSync(command, args).status === 0;
}
