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
    const now = Date.now();
    const sessionId = uuidv7(now);
    const { clientId, subject, scopes = [] } = opening;
    const opens = this.bus.ask(session.open, { ...opening, sessionId, credential: 'refresh' });
    const signing = this.#sign(
      { clientId, subject, sessionId, scopes },
      grant,
      grant.ttlSeconds,
      Math.floor(now / 1000),
    );
    signing.catch(ignored);
    const { session: opened, credential } = await opens;

    try {
      const access = await this.#within(opened, grant, await signing);
      return { accessToken: access.token, refreshToken: credential, expiresIn: access.expiresIn };
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
    const { token: accessToken, expiresIn } = await this.#signFor(current, grant, secondsLeft(current));
    return { accessToken, refreshToken, expiresIn };
  }

  /** No access token outlives its session: one that would is dropped for a shorter one. */
  #within(opened: SessionView, grant: AccessGrant, signed: Reply<typeof token.sign>) {
    const most = secondsLeft(opened);
    return signed.expiresIn <= most ? signed : this.#signFor(opened, grant, most);
  }

  #signFor(of: SessionView, grant: AccessGrant, most: number) {
    const authTime = Math.floor(Date.parse(of.authenticatedAt) / 1000);
    return this.#sign(of, grant, Math.min(grant.ttlSeconds, most), authTime);
  }

  #sign(
    { clientId, subject, sessionId, scopes }: Pick<SessionView, 'clientId' | 'subject' | 'sessionId' | 'scopes'>,
    grant: AccessGrant,
    ttlSeconds: number,
    authTime: number,
  ) {
    const of = { clientId, subject, sessionId, scopes, authTime };
    return this.bus.ask(token.sign, { ...grant, ...of, kind: 'access', jti: randomUUID(), ttlSeconds });
  }

  /** A session nobody can be told of is closed, not waited for. */
  #giveUp({ clientId, sessionId }: Pick<SessionView, 'clientId' | 'sessionId'>, cause: unknown): never {
    this.bus.ask(session.close, { clientId, sessionId, reason: 'revoked' }).catch(() => undefined);
    throw new Fault('service.silent', { cause });
  }
}

/** What was signed for a session that did not open is of no use, and nor is why it was not signed. */
const ignored = (): void => undefined;

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
