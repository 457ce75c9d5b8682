import { accessSync, constants } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fromDebian } from './debian.mjs';
import { Refusal } from './refusal.mjs';

/**
 * A program the launcher needs: from PATH, else unpacked from a Debian package.
 * @param {{ names: string[], debian: string, install: string }} wanted
 * @returns {Promise<{ command: string, env: NodeJS.ProcessEnv }>}
 */
export async function program({ names, debian, install }) {
  const installed = names.map(onPath).find(Boolean);
  if (installed) return { command: installed, env: process.env };
  const brought = await fromDebian(debian, names[0]);
  if (brought) return brought;
  throw new Refusal(
    `${names[0]} is missing and could not be fetched with apt-get: install it (${install}) and start again.`,
  );
}

function onPath(name) {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin'];
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(path) {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
