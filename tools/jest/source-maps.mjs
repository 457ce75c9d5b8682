import { existsSync, readFileSync } from 'node:fs';

/** The compiled code as it is, with the compiler's map: failures and coverage point at the TypeScript. */
export default {
  process(code, path) {
    return { code, map: existsSync(`${path}.map`) ? readFileSync(`${path}.map`, 'utf8') : null };
  },
};
