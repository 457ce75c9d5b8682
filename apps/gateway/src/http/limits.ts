/** So many requests in so long a window, from its first request on. */
export interface LimitPolicy {
  readonly most: number;
  readonly windowMs: number;
  /** Somebody who guesses would gain from a counter that is off: without Redis such a route answers 503 (S-102). */
  readonly guess: boolean;
}

/** What `LIMITS` can name; each counts per network address unless it says something else. */
export const defaultLimits = {
  /** Hand-off links and landings. */
  link: { most: 600, windowMs: 60_000, guess: false },
  /** Anonymous accounts. */
  anonymous: { most: 60, windowMs: 60_000, guess: false },
  /** Codes of landings. */
  claim: { most: 60, windowMs: 60_000, guess: true },
  /** Short-lived tokens (001). */
  'client-token': { most: 1200, windowMs: 60_000, guess: false },
  /** Sign-ins of one API key (002); wrong keys count per address. */
  'client-auth': { most: 600, windowMs: 60_000, guess: false },
  /** Secrets of one user (003), per address and user. */
  'custom-token': { most: 10, windowMs: 3_600_000, guess: true },
  /** Passwords (004). */
  password: { most: 20, windowMs: 60_000, guess: true },
  /** Introspections and revocations of one API key; wrong keys count per address. */
  introspection: { most: 6000, windowMs: 60_000, guess: false },
  /** Refresh tokens, per chain; one-time and media tokens, per access token. */
  refresh: { most: 600, windowMs: 60_000, guess: false },
  /** Wrong admin keys; a valid one is never counted. */
  admin: { most: 10, windowMs: 60_000, guess: true },
} as const satisfies Record<string, LimitPolicy>;

export type LimitName = keyof typeof defaultLimits;
export type Limits = Readonly<Record<LimitName, LimitPolicy>>;

const unitMs = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

/**
 * `link=600/1m,admin=10/1m`: the defaults with those replaced.
 *
 * @throws Error that says which part is not readable
 */
export function parseLimits(text: string): Limits {
  const limits: Record<LimitName, LimitPolicy> = { ...defaultLimits };
  for (const part of text.split(',').map((each) => each.trim())) {
    if (!part) continue;
    const [, name = '', most, count, unit] = /^([a-z-]+)=(\d{1,9})\/(\d{0,4})([smhd])$/.exec(part) ?? [];
    if (!isLimitName(name)) throw new Error(`"${part}" names no limit; there are ${Object.keys(limits).join(', ')}`);
    const windowMs = Number(count || 1) * unitMs[unit as keyof typeof unitMs];
    if (!Number(most) || !windowMs) throw new Error(`"${part}" must allow at least one request in some time`);
    limits[name] = { ...limits[name], most: Number(most), windowMs };
  }
  return limits;
}

function isLimitName(name: string): name is LimitName {
  return Object.hasOwn(defaultLimits, name);
}
