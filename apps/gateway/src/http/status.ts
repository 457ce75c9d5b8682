import type { FaultKind } from '#contracts/fault';

/** The only place that knows which status a fault of some kind is. */
export const statusOf: Readonly<Record<FaultKind, number>> = {
  invalid: 400,
  denied: 401,
  forbidden: 403,
  missing: 404,
  conflict: 409,
  limited: 429,
  internal: 500,
  unavailable: 503,
};
