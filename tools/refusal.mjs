/** Something the person at the terminal has to do or know: shown as its one sentence, without a stack. */
export class Refusal extends Error {}

/** Prints what ended a tool (a refusal's sentence, anything else with its stack) and makes the exit code 1. */
export function report(error) {
  console.error(error instanceof Refusal ? `\n${error.message}` : error);
  process.exitCode = 1;
}
