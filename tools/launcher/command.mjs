import { spawn } from 'node:child_process';
import { basename } from 'node:path';
import { root } from './paths.mjs';
import { Refusal } from './refusal.mjs';

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill();
});

/** A command that could not be run or did not succeed. */
class CommandFailed extends Refusal {
  constructor(command, output, options) {
    super(`${basename(command)} failed:\n${output.trim()}`, options);
  }
}

/**
 * Runs a command to its end; it does not outlive this process.
 * @returns {Promise<string>} what it wrote to stdout
 */
export function execute(command, args, { cwd = root, env = process.env, input = '' } = {}) {
  const child = spawn(command, args, { cwd, env });
  const written = { stdout: '', all: '' };
  running.add(child);
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  child.stdout.setEncoding('utf8').on('data', (text) => {
    written.stdout += text;
    written.all += text;
  });
  child.stderr.setEncoding('utf8').on('data', (text) => {
    written.all += text;
  });
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new CommandFailed(command, cause.message, { cause })));
    child.once('close', (code) => {
      running.delete(child);
      if (code === 0) resolve(written.stdout);
      else reject(new CommandFailed(command, written.all));
    });
  });
}
