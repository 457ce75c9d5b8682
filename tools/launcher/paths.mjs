import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root folder. */
export const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/** A path inside the repository. */
export const inRoot = (...parts) => join(root, ...parts);

/** A path below `.dev/`, where everything the tools bring or keep lives; git ignores it. */
export const inDev = (...parts) => join(root, '.dev', ...parts);
