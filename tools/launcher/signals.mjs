import { whenParentEnds } from './parent.mjs';

/** npm passes on a signal that the terminal has delivered already: a repeat this soon is the same one. */
const SAME_SIGNAL_MS = 1000;

/** Calls `stop` at the first SIGINT, SIGTERM or SIGHUP; at a later second one `kill`, and ends this process. */
export function onSignal({ stop, kill }) {
  let first = null;
  const handle = () => {
    if (first === null) {
      first = Date.now();
      stop();
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
