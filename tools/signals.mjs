import { whenParentEnds } from './parent.mjs';

/** npm passes on a signal that the terminal has delivered already: a repeat this soon is the same one. */
const SAME_SIGNAL_MS = 1000;

/** Ends this process after `stop` at the first SIGINT, SIGTERM or SIGHUP, and after `kill` at a later second one. */
export function onSignal({ stop, kill }) {
  let first = null;
  const handle = async () => {
    if (first === null) {
      first = Date.now();
      await stop();
      process.exit(0);
    } else if (Date.now() - first > SAME_SIGNAL_MS) {
      kill();
      process.exit(1);
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, handle);
  // A terminal that is gone must not end this process before its children.
  process.stdout.on('error', () => {});
  process.stderr.on('error', () => {});
  whenParentEnds(handle);
}
