import type { FastifyReply, FastifyRequest } from 'fastify';

/** As long as the contract lets a presented cookie be; anything longer is none of ours. */
const longest = 256;

/**
 * The cookie that carries a session (S-45): `__Host-` and Secure wherever the gateway is reached by https, a plain name
 * on http, which is for development.
 */
export class SessionCookie {
  readonly name: string;
  readonly #secure: boolean;

  constructor(publicUrl: string) {
    this.#secure = publicUrl.startsWith('https:');
    this.name = this.#secure ? '__Host-segue' : 'segue';
  }

  read(request: Pick<FastifyRequest, 'cookies'>): string | undefined {
    const value = request.cookies[this.name];
    return value && value.length <= longest ? value : undefined;
  }

  /**
   * @param expiresAt ISO 8601, the absolute end of the session
   * @param embedded the client's pages may be framed by others: the cookie is sent there, too, and in that frame only
   */
  give(reply: FastifyReply, value: string, expiresAt: string, embedded: boolean, now = Date.now()): void {
    const maxAge = Math.max(0, Math.floor((Date.parse(expiresAt) - now) / 1000));
    reply.setCookie(this.name, value, { ...this.#attributes(embedded), maxAge });
  }

  /** A partitioned cookie is another one than its namesake, so it must be taken as it was given. */
  take(reply: FastifyReply, embedded: boolean): void {
    reply.setCookie(this.name, '', { ...this.#attributes(embedded), maxAge: 0 });
  }

  #attributes(embedded: boolean) {
    const everywhere = { path: '/', httpOnly: true } as const;
    return embedded
      ? ({ ...everywhere, secure: true, sameSite: 'none', partitioned: true } as const)
      : ({ ...everywhere, secure: this.#secure, sameSite: 'lax' } as const);
  }
}
