/*! Segue browser SDK, Apache-2.0 */

/** Asks the page's own backend for a short-lived token; `null`: there is none, nobody is signed in. */
export type RefreshToken = () => Promise<string | null> | string | null;

/**
 * - `no_token`: nothing is registered, or what is registered answered `null`. Register anew.
 * - `refresh_failed`: no usable token three times in a row; `cause` says why the last time. Later requests try again.
 * - `foreign_url`: the path leads away from the endpoint, and no token goes there.
 */
export type SegueErrorCode = 'no_token' | 'refresh_failed' | 'foreign_url';

/** Why a request was not sent. */
export class SegueError extends Error {
  override readonly name = 'SegueError';

  constructor(
    readonly code: SegueErrorCode,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** Time in milliseconds, and chance in [0, 1). */
export interface Surroundings {
  /** Since 1970: your server's time, where devices are known to have wrong clocks. */
  now(): number;
  random(): number;
  wait(ms: number): Promise<void>;
}

export interface ClientOptions extends Partial<Surroundings> {
  /** Where Segue is, e.g. `https://id.example.com`. */
  readonly endpoint: string;
}

export interface Client {
  /** From now on, tokens come from here; those of what was registered before are forgotten. Called when a request needs one. */
  registerRefreshToken(refreshToken: RefreshToken): void;
  /**
   * The browser's `fetch`, with a token. One that the gateway calls expired is replaced, and the request repeated once;
   * a request whose body is a stream is not repeated.
   *
   * @param path at the endpoint, e.g. `/v1/client`
   * @throws SegueError
   */
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/** The tokens of one registered function, which is called once at a time, whoever waits. */
interface TokenSource {
  /** @throws SegueError */
  take(): Promise<string>;
  /** What the gateway made of a token: one that never worked counts as a failed call. */
  judge(token: string, expired: boolean): void;
  /** The function is not called any more. */
  close(): void;
}

const mostFailures = 3;
const firstPause = 1000;
const longPause = 30_000;
const margin = 30_000;

export function createClient({
  endpoint,
  now = Date.now,
  random = Math.random,
  wait = (ms) => new Promise((done) => setTimeout(done, ms)),
}: ClientOptions): Client {
  const { origin } = new URL(endpoint);
  const surroundings = { now, random, wait };
  let source = tokenSource(() => null, surroundings);

  async function credential() {
    for (;;) {
      const sender = source;
      const token = await sender.take().catch((error) => {
        if (sender === source) throw error;
      });
      if (sender === source && token) return { sender, token };
    }
  }

  return {
    registerRefreshToken(refreshToken) {
      source.close();
      source = tokenSource(refreshToken, surroundings);
    },

    async fetch(path, init = {}) {
      const url = new URL(path, endpoint);
      if (url.origin !== origin) throw new SegueError('foreign_url', `not a path of ${origin}`);
      for (let last = init.body instanceof ReadableStream; ; last = true) {
        const { sender, token } = await credential();
        const headers = new Headers(init.headers);
        headers.set('authorization', `Bearer ${token}`);
        const answer = await fetch(url, { credentials: 'omit', redirect: 'error', ...init, headers });
        const expired = await saysExpired(answer);
        sender.judge(token, expired);
        // What one user began is not repeated for the next.
        if (!expired || last || sender !== source) return answer;
      }
    },
  };
}

function tokenSource(refreshToken: RefreshToken, { now, random, wait }: Surroundings): TokenSource {
  let current: { token: string; renewAt: number; proven: boolean } | undefined;
  let pending: Promise<string> | undefined;
  let refusal: { error: SegueError; until: number } | undefined;
  let failures = 0;
  let closed = false;

  const jittered = (ms: number) => ms * (0.5 + random() / 2);

  function refuse(until: number, code: SegueErrorCode, message: string, cause?: unknown): never {
    refusal = { error: new SegueError(code, message, { cause }), until };
    throw refusal.error;
  }

  async function renew(): Promise<string> {
    let cause: unknown = 'the gateway calls every token expired';
    for (; failures < mostFailures && !closed; failures += 1) {
      if (failures > 0) await wait(jittered(firstPause * 2 ** (failures - 1)));
      if (closed) break;
      try {
        const token = await refreshToken();
        if (token !== null) return keep(token);
      } catch (error) {
        cause = error;
        continue;
      }
      refuse(Infinity, 'no_token', 'no token: register a refreshToken when somebody is signed in');
    }
    failures = 0;
    return refuse(now() + jittered(longPause), 'refresh_failed', `refreshToken failed ${mostFailures} times`, cause);
  }

  function keep(token: string): string {
    const left = endOf(token) - now();
    if (!(left > 0)) throw new Error('refreshToken answered no JWT that is still valid');
    current = { token, renewAt: now() + left - Math.min(margin, left / 10), proven: false };
    return token;
  }

  return {
    async take() {
      if (refusal && now() < refusal.until) throw refusal.error;
      if (current && now() < current.renewAt) return current.token;
      pending ??= renew().finally(() => {
        pending = undefined;
      });
      return pending;
    },
    judge(token, expired) {
      if (current?.token !== token) return;
      if (expired) {
        if (!current.proven) failures += 1;
        current = undefined;
      } else {
        current.proven = true;
        failures = 0;
      }
    },
    close() {
      closed = true;
    },
  };
}

/** When a JWT ends, in milliseconds since 1970; `NaN` for what is none. */
function endOf(token: string): number {
  try {
    const [, payload = ''] = token.split('.');
    return JSON.parse(atob(payload.replaceAll('-', '+').replaceAll('_', '/'))).exp * 1000;
  } catch {
    return Number.NaN;
  }
}

async function saysExpired(answer: Response): Promise<boolean> {
  if (answer.status !== 401) return false;
  try {
    return (await answer.clone().json()).code === 'token_expired';
  } catch {
    return false;
  }
}
