/** Something the person at the terminal has to do or know: shown as its one sentence, without a stack. */
export class Refusal extends Error {}

/** Prints what ended a tool (a refusal's sentence, anything unforeseen with its stack) and makes the exit code 1. */
export function report(error) {
  const foreseen = error instanceof Refusal || error.code?.startsWith('ERR_PARSE_ARGS');
  console.error(foreseen ? `\n${error.message}` : error);
  process.exitCode = 1;
}
