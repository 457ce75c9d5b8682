/** npm passes a signal on that the terminal has already delivered: a repeat this soon is the same one. */
const SAME_SIGNAL_MS = 1000;

/**
 * Calls `stop` at the first SIGINT, SIGTERM or SIGHUP and `kill` at a later second one; both end this process with the
 * exit code they resolve to.
 */
export function onSignal({ stop, kill }) {
  let first = null;
  const handle = async () => {
    if (first === null) {
      first = Date.now();
      process.exit(await stop());
    } else if (Date.now() - first > SAME_SIGNAL_MS) {
      process.exit(await kill());
    }
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, handle);
  // Under another Node than 24 this is the child of the one that was started; its end is ours.
  process.on('disconnect', handle);
}
