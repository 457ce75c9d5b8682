let unfinished = false;

/** Runs one step of a tool and shows it as it happens: its name at once, then its time and what it resolved to. */
export async function step(name, work) {
  const began = performance.now();
  process.stdout.write(`${unfinished ? '\n' : ''}  ${name.padEnd(34, ' ')}`);
  unfinished = true;
  try {
    const result = await work();
    console.log(`${seconds(began)}${typeof result === 'string' ? `  ${result}` : ''}`);
    return result;
  } catch (error) {
    console.log(`${seconds(began)}  failed`);
    throw error;
  } finally {
    unfinished = false;
  }
}

/** Seconds since a `performance.now()`, as a person reads them. */
export const seconds = (began) => `${((performance.now() - began) / 1000).toFixed(1)} s`.padStart(7);
