import { setTimeout as sleep } from 'node:timers/promises';

/** Waits until a reading is what it must become; the last reading is in the error. Milliseconds. */
export async function eventually<T>(
  read: () => Promise<T>,
  isThere: (value: T) => boolean,
  within = 10_000,
): Promise<T> {
  const until = Date.now() + within;
  for (;;) {
    const value = await read();
    if (isThere(value)) return value;
    if (Date.now() > until) throw new Error(`after ${within} ms it is still ${JSON.stringify(value)}`);
    await sleep(50);
  }
}
