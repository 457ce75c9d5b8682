import { readFileSync } from 'node:fs';
import type { z } from 'zod';

/** Every problem of the environment at once, one line each, values never shown. */
export class EnvError extends Error {
  override readonly name = 'EnvError';

  constructor(readonly problems: readonly string[]) {
    super(`The environment is not usable:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
  }
}

type Variables = Readonly<Record<string, string | undefined>>;

/**
 * Reads a process's settings once, at start: validated, frozen. Each variable may instead come from a file named by
 * `<NAME>_FILE` (Docker and Kubernetes secrets); an empty variable counts as absent.
 *
 * @throws EnvError with all problems together
 */
export function readEnv<Schema extends z.ZodObject>(
  schema: Schema,
  variables: Variables = process.env,
): Readonly<z.output<Schema>> {
  const problems: string[] = [];
  const given: Record<string, string> = {};
  for (const name of Object.keys(schema.shape)) {
    const value = variables[name] || fromFile(name, variables[`${name}_FILE`], problems);
    if (value) given[name] = value;
  }
  if (given['NODE_ENV'] === 'production') problems.push(...developmentDefaultsIn(schema, given));

  const parsed = schema.safeParse(given);
  if (!parsed.success)
    problems.push(...parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`));
  if (problems.length > 0 || !parsed.success) throw new EnvError(problems);
  return Object.freeze(parsed.data);
}

function fromFile(name: string, path: string | undefined, problems: string[]): string | undefined {
  if (!path) return undefined;
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    problems.push(`${name}_FILE: the file cannot be read`);
    return undefined;
  }
}

function developmentDefaultsIn(schema: z.ZodObject, given: Readonly<Record<string, string>>): string[] {
  return Object.entries(schema.shape).flatMap(([name, field]) => {
    const value = (field as z.ZodType).meta()?.['developmentDefault'];
    if (value === undefined || (given[name] ?? value) !== value) return [];
    return [`${name}: must be set under NODE_ENV=production (the development default is refused)`];
  });
}
