import { readFileSync } from 'node:fs';
import { eventually } from './eventually.js';
import type { Stack } from './stack.js';

/** Waits until the gateways of a stack, which write into one log, have once known all that is revoked. */
export async function trusting({ logOf }: Pick<Stack, 'logOf'>, gateways = 1): Promise<void> {
  await eventually(
    async () => readFileSync(logOf('gateway'), 'utf8').match(/revocations are known/g)?.length ?? 0,
    (count) => count >= gateways,
  );
}
