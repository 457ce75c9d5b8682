import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import { Fault } from '#contracts/fault';
import type { Reply, Request } from '#contracts/service';
import { type SessionView, session } from '#contracts/session';
import { token } from '#contracts/token';
import { uuidv7 } from '#secrets/random';

type Opening = Omit<Request<typeof session.open>, 'sessionId' | 'credential'>;

/** What an access token says besides which session it is of. */
export interface AccessGrant {
  /** Absent where nobody is left to say it: then whatever raises it ends the token. */
  readonly epoch?: number;
  readonly externalId?: string;
  /** Seconds; less where the session ends sooner. */
  readonly ttlSeconds: number;
}

/** What a program at another origin, or a backend, goes on with. */
export interface Pair {
  readonly accessToken: string;
  readonly refreshToken: string;
  /** Seconds until the access token ends. */
  readonly expiresIn: number;
}

/** Sessions that are carried as an access token and a refresh token (state.md, "A session and its refresh chain"). */
@Injectable()
export class BearerPair {
  constructor(private readonly bus: Bus) {}

  /**
   * Opens a session and signs its first access token at the same time. Without the session the token is dropped; without
   * the token the session is closed, not waited for.
   *
   * @throws Fault of `session.open`; `service.silent` where only the signing failed
   */
  async open(opening: Opening, grant: AccessGrant): Promise<Pair> {
    const sessionId = uuidv7(Date.now());
    const { clientId, subject, scopes = [] } = opening;
    const [opened, signed] = await Promise.allSettled([
      this.bus.ask(session.open, { ...opening, sessionId, credential: 'refresh' }),
      this.#sign({ clientId, subject, sessionId, scopes, authenticatedAt: new Date().toISOString() }, grant),
    ]);
    if (opened.status === 'rejected') throw opened.reason;

    try {
      if (signed.status === 'rejected') throw signed.reason;
      const access = await this.#within(opened.value.session, grant, signed.value);
      return { accessToken: access.token, refreshToken: opened.value.credential, expiresIn: access.expiresIn };
    } catch (cause) {
      return this.#giveUp({ clientId, sessionId }, cause);
    }
  }

  /**
   * Opens a session that hangs on another one. What it is given of the parent shows only then, so its token is signed
   * after it.
   *
   * @throws Fault of `session.open`; `service.silent` where only the signing failed
   */
  async openChild(opening: Opening & { readonly parentId: string }, grant: AccessGrant): Promise<Pair> {
    const sessionId = uuidv7(Date.now());
    const { session: opened, credential } = await this.bus.ask(session.open, {
      ...opening,
      sessionId,
      credential: 'refresh',
    });
    return this.renew(opened, credential, grant).catch((cause: unknown) => this.#giveUp(opened, cause));
  }

  /** A further access token for a session that goes on. */
  async renew(current: SessionView, refreshToken: string, grant: AccessGrant): Promise<Pair> {
    const ttlSeconds = Math.min(grant.ttlSeconds, secondsLeft(current));
    const { token: accessToken, expiresIn } = await this.#sign(current, { ...grant, ttlSeconds });
    return { accessToken, refreshToken, expiresIn };
  }

  /** No access token outlives its session: one that would is dropped for a shorter one. */
  async #within(opened: SessionView, grant: AccessGrant, signed: Reply<typeof token.sign>) {
    const ttlSeconds = secondsLeft(opened);
    return signed.expiresIn <= ttlSeconds ? signed : this.#sign(opened, { ...grant, ttlSeconds });
  }

  #sign(
    of: Pick<SessionView, 'clientId' | 'subject' | 'sessionId' | 'scopes' | 'authenticatedAt'>,
    grant: AccessGrant,
  ) {
    const { clientId, subject, sessionId, scopes, authenticatedAt } = of;
    const authTime = Math.floor(Date.parse(authenticatedAt) / 1000);
    const jti = randomUUID();
    const request = { kind: 'access', jti, clientId, subject, sessionId, scopes, authTime, ...grant } as const;
    return this.bus.ask(token.sign, request);
  }

  /** A session nobody can be told of is closed, not waited for. */
  #giveUp({ clientId, sessionId }: Pick<SessionView, 'clientId' | 'sessionId'>, cause: unknown): never {
    this.bus.ask(session.close, { clientId, sessionId, reason: 'revoked' }).catch(() => undefined);
    throw new Fault('service.silent', { cause });
  }
}

export function secondsLeft({ expiresAt }: SessionView): number {
  return secondsUntil(expiresAt);
}

/** At least one: what ends within this second gets a token that ends with it. Without an end, for ever. */
export function secondsUntil(end: string | null): number {
  return end === null ? Number.POSITIVE_INFINITY : Math.max(1, Math.floor((Date.parse(end) - Date.now()) / 1000));
}

/** The chain has moved on, so what failed since leaves it in doubt. Within ten seconds the same token gets the same successor. */
export function afterRotation(error: unknown): unknown {
  return error instanceof Fault && error.entry.kind === 'unavailable'
    ? new Fault('service.silent', { cause: error })
    : error;
}
