import { Injectable } from '@nestjs/common';
import { Bus } from '#bus/bus';
import type { ClientView } from '#contracts/client';
import { Fault } from '#contracts/fault';
import { session } from '#contracts/session';
import { Revocations } from '../feed/revocations.js';
import { ClientSettings } from './client-settings.js';
import { type Holder, holderOf } from './holder.js';
import { Issuer } from './issuer.js';
import { isGenuine, type JwtClaims, type JwtKind, readJwt } from './jwt.js';
import { SigningKeys } from './signing-keys.js';
import { VerifiedJwts } from './verified-jwts.js';

/** Checks the JWTs that Segue signed, in the gateway itself. */
@Injectable()
export class Jwts {
  readonly #verified = new VerifiedJwts();

  constructor(
    private readonly bus: Bus,
    private readonly keys: SigningKeys,
    private readonly settings: ClientSettings,
    private readonly revocations: Revocations,
    private readonly issuer: Issuer,
  ) {}

  /**
   * Checks a token without asking anybody while the revocations are known; otherwise the owner of its session is
   * asked as well.
   *
   * @returns `null` for what is no valid token of this kind
   * @throws Fault `token.expired`; `service.unavailable` for a token without a session while nothing is known
   */
  async check(text: string, kind: JwtKind): Promise<Holder | null> {
    const holder = this.at(text, kind) ?? (await this.genuine(text, kind));
    if (!holder) return null;
    const { clientId, sessionId } = holder;
    const revoked = this.revocations.trusted();
    if (revoked) return revoked.refuses(holder) ? null : holder;
    if (sessionId === undefined) throw new Fault('service.unavailable');
    return (await this.bus.ask(session.read, { clientId, sessionId })) && holder;
  }

  /**
   * The same of a token that was seen before, while everything it is judged by is here and good: nothing is awaited.
   * `undefined` says nothing of the token: `check` it.
   */
  at(text: string, kind: JwtKind, now = Date.now()): Holder | undefined {
    const seen = this.#verified.find(text);
    if (seen?.token.kind !== kind || this.keys.at(seen.token.kid) !== seen.key) return undefined;
    const { claims } = seen.token;
    const client = this.settings.at(claims.client_id);
    if (!client || !this.#isFor(client, claims) || claims.exp <= now / 1000) return undefined;
    return this.revocations.trusted()?.refuses(seen.holder) === false ? seen.holder : undefined;
  }

  /**
   * The same without the revocations, for who asks the owner anyway.
   *
   * @throws Fault `token.expired`
   */
  async genuine(text: string, kind: JwtKind): Promise<Holder | null> {
    const seen = this.#verified.find(text);
    const token = seen?.token ?? readJwt(text);
    if (token?.kind !== kind) return null;
    const key = await this.keys.find(token.kid);
    if (!key) return null;
    const { claims } = token;
    const holder = seen?.holder ?? holderOf(claims);
    if (seen?.key !== key) {
      if (!isGenuine(token, key, this.issuer.url)) return null;
      this.#verified.keep(text, { token, holder, key });
    }

    const client = await this.settings.standing(claims.client_id);
    if (!client || !this.#isFor(client, claims)) return null;
    if (claims.exp <= Date.now() / 1000) {
      this.#verified.forget(text);
      throw new Fault('token.expired');
    }
    return holder;
  }

  #isFor({ status, settings }: ClientView, { aud }: JwtClaims): boolean {
    return status === 'active' && aud === (settings.audience ?? this.issuer.url);
  }
}
