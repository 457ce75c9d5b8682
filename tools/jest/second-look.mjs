// These specs hold connections of real servers to real clocks, and a busy machine may miss such a bound once. A miss is told
// with its error and looked at a second time; twice is a failure. None of them proves single use, a race, facts or revocation.
import { expect, jest } from '@jest/globals';

const timed = /\/libs\/(bus\/src\/start-service|postgres\/src\/postgres(\.module)?|redis\/src\/redis)\.spec\.js$/;
if (timed.test(expect.getState().testPath)) {
  jest.retryTimes(1, { logErrorsBeforeRetry: true, retryImmediately: true });
}
