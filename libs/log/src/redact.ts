const withheld = '[withheld]';
const deepest = 6;

/** Names that hold a secret or a person's address, however they are spelt: `userToken`, `set-cookie`, `ADMIN_KEY`. */
const telling =
  /(authorization|cookie|secret|password|passphrase|token|credential|pepper|handle|email|totp|apikey|adminkey|privatekey|^key|keys)$/;

/** A copy of a log line's fields that is safe to print: telling names withheld, errors reduced to what a reader needs. */
export function printable(value: unknown, depth = 0): unknown {
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Error) return depth > deepest ? value.message : printableError(value, depth);
  if (depth > deepest) return '[deeper]';
  if (Array.isArray(value)) return value.map((item) => printable(item, depth + 1));
  if ('toJSON' in value) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      isTelling(name, field) ? withheld : printable(field, depth + 1),
    ]),
  );
}

/** Type, message, code, stack, cause: ioredis hangs the command, pg the conflicting values on its errors. */
function printableError(error: Error, depth: number) {
  const code = 'code' in error && typeof error.code === 'string' ? { code: error.code } : {};
  const cause = error.cause === undefined ? {} : { cause: printable(error.cause, depth + 1) };
  const errors = error instanceof AggregateError ? { errors: printable(error.errors, depth + 1) } : {};
  return { type: error.name, message: error.message, ...code, stack: error.stack, ...cause, ...errors };
}

function isTelling(name: string, field: unknown): boolean {
  if (field === null || field === undefined || typeof field === 'boolean' || field instanceof Error) return false;
  return telling.test(name.toLowerCase().replaceAll(/[^a-z]/g, ''));
}

/** Without any of this there is nothing to cut out, and most lines have none. */
const suspicious = /segue_|eyJ|otpauth:|\$argon2|:\/\//;

/** Our opaque credentials keep their kind; JWTs, second factors, hashes and the password of a URL vanish (state.md, "Credentials name themselves"). */
export function withoutCredentials(line: string): string {
  if (!suspicious.test(line)) return line;
  return line
    .replaceAll(/segue_(sk|pk|rt|ott|code|ss)_\w+/g, `segue_$1_${withheld}`)
    .replaceAll(/\beyJ[\w-]{5,}\.[\w-]+\.[\w-]*/g, withheld)
    .replaceAll(/\botpauth:[^\s"\\]+/g, withheld)
    .replaceAll(/\$argon2[^\s"\\]+/g, withheld)
    .replaceAll(/:\/\/[^\s"/@]+@/g, `://${withheld}@`);
}
