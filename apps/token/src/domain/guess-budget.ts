/**
 * How many wrong secrets below 64 bit are evaluated at most (S-62 to S-64), over all addresses, replicas and restarts.
 * An hour and a day are any sixty minutes and any 24 hours, not those of a calendar.
 */
export const guessBudget = {
  token: { ever: 5 },
  user: { hour: 10, day: 30, inARow: 100 },
  client: { hour: 100, day: 1000 },
} as const;

/** No token is made that all the guesses it allows would hit with a greater probability (S-61). */
export const mostChance = 1e-5;

/** Probabilities of a hit by guessing without a break, all budgets spent. */
export interface Chances {
  /** How many secrets of this length there are. */
  readonly secrets: number;
  /** Of one token. */
  readonly token: number;
  /** Of one user who always has a live secret; `inARow` is all there is until somebody unlocks it. */
  readonly user: { readonly day: number; readonly inARow: number; readonly year: number };
  /** Of any user of one client: each guess is at one user's secret, since a user has only one. */
  readonly client: { readonly day: number; readonly year: number };
}

const daysAYear = 365;

/**
 * The arithmetic of the guess budgets: guesses × live secrets of a user (one) ÷ secrets there are. Sums of
 * probabilities, so each is at least the true one.
 *
 * @param length hex digits of the secret, four bits each
 */
export function chancesOfGuessing(length: number): Chances {
  const secrets = 16 ** length;
  const chance = (guesses: number) => guesses / secrets;
  const { token, user, client } = guessBudget;
  return {
    secrets,
    token: chance(token.ever),
    user: { day: chance(user.day), inARow: chance(user.inARow), year: chance(user.day * daysAYear) },
    client: { day: chance(client.day), year: chance(client.day * daysAYear) },
  };
}

/** Guesses within the last hour and day, and the first instant of each; this guess is among them. */
export interface Recent {
  readonly hour: number;
  readonly hourFrom: Date;
  readonly day: number;
  readonly dayFrom: Date;
}

/** Where the counters stand with an evaluated guess. */
export interface Counted {
  readonly ofToken: number;
  readonly inARow: number;
  readonly ofUser: Recent;
  readonly ofClient: Recent;
}

/** What a wrong guess ended. */
export interface Lock {
  readonly scope: 'token' | 'user' | 'client';
  /** When the next guess is evaluated; without it, not before an administrator unlocks it, and a token's never. */
  readonly until?: Date;
}

/** What a guess that was wrong has locked: that which it spent the last of. */
export function locksBy({ ofToken, inARow, ofUser, ofClient }: Counted): Lock[] {
  const { token, user, client } = guessBudget;
  const locks: Lock[] = [];
  if (ofToken === token.ever) locks.push({ scope: 'token' });
  if (inARow === user.inARow) locks.push({ scope: 'user' });
  else locks.push(...spent('user', ofUser, user));
  locks.push(...spent('client', ofClient, client));
  return locks;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

function spent(scope: 'user' | 'client', recent: Recent, budget: { hour: number; day: number }): Lock[] {
  const ends = [
    ...(recent.hour === budget.hour ? [recent.hourFrom.getTime() + hourMs] : []),
    ...(recent.day === budget.day ? [recent.dayFrom.getTime() + dayMs] : []),
  ];
  return ends.length > 0 ? [{ scope, until: new Date(Math.max(...ends)) }] : [];
}
