import { createHmac, randomUUID } from 'node:crypto';
import type { Admin } from './admin.js';

export interface SigningOptions {
  readonly header?: object | string;
  readonly secret?: string;
}

/** A partner's backend: it has a client registered here, and signs links for its users. */
export class Partner {
  constructor(
    readonly clientId: string,
    readonly secret: string,
    private readonly url: string,
  ) {}

  /** Registers a client of its own. */
  static async register(admin: Admin, settings: object = {}): Promise<Partner> {
    const { clientId, linkSecret } = await admin.post('clients', {
      name: 'Partner',
      settings: { landingUrl: '/home', ...settings },
    });
    return new Partner(clientId, linkSecret.secret, admin.url);
  }

  /** A token as `jsonwebtoken` makes one: HS256, `iat`, and an hour to live unless the claims say otherwise. */
  token(
    claims: Readonly<Record<string, unknown>> | string = {},
    { header = { alg: 'HS256', typ: 'JWT' }, secret = this.secret }: SigningOptions = {},
  ): string {
    const iat = Math.floor(Date.now() / 1000);
    const usual = { userId: 'alice', iat, exp: iat + 3600, jti: randomUUID() };
    const body = typeof claims === 'string' ? claims : { ...usual, ...claims };
    const content = [header, body]
      .map((part) => Buffer.from(typeof part === 'string' ? part : JSON.stringify(part)).toString('base64url'))
      .join('.');
    return `${content}.${createHmac('sha256', secret).update(content).digest('base64url')}`;
  }

  /** A link for a user. */
  link(claims: Readonly<Record<string, unknown>> = {}, parameters: Readonly<Record<string, string>> = {}): string {
    return this.linkWith(this.token(claims), parameters);
  }

  linkWith(userToken: string, parameters: Readonly<Record<string, string>> = {}): string {
    const query = new URLSearchParams({ userToken, clientId: this.clientId, ...parameters });
    return `${this.url}/api/link?${query}`;
  }
}
