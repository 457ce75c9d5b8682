const LOOK_MS = 500;

/**
 * Calls `tell` when the process that this one belongs to ends, however it went: the older Node that runs this one, or
 * npm. A shell or a service manager may end without us.
 */
export function whenParentEnds(tell) {
  if (process.connected) {
    process.once('disconnect', tell);
    process.channel.unref();
  } else if (process.env.npm_lifecycle_event) {
    const parent = process.ppid;
    const watch = setInterval(() => {
      if (process.ppid === parent) return;
      clearInterval(watch);
      tell();
    }, LOOK_MS).unref();
  }
}
