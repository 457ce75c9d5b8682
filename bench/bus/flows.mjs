import { request } from '../connection.mjs';
import { expect } from '../flow.mjs';

/** A whole request that does nothing but ask. */
export const flows = {
  ask: {
    connect: () => ({ next: () => request('GET', '/ask'), on: (status) => expect(status === 200, true) }),
  },
};
