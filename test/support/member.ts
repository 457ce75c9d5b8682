import { randomUUID } from 'node:crypto';
import type { Admin } from './admin.js';
import { type Answer, request } from './http.js';

type Fields = Readonly<Record<string, string>>;

/** A user of a client who signs in with a password (protocol 004). */
export class Member {
  private constructor(
    readonly clientId: string,
    readonly userId: string,
    readonly externalId: string | null,
    readonly email: string,
    readonly password: string,
    private readonly url: string,
  ) {}

  static async register(admin: Admin, clientId: string, known: { externalId?: string } = {}): Promise<Member> {
    const email = `${randomUUID()}@example.com`;
    const password = `correct horse ${randomUUID()}`;
    const user = await admin.post(`clients/${clientId}/users`, { email, password, ...known });
    return new Member(clientId, user.userId, user.externalId, email, password, admin.url);
  }

  /** Signs in, whatever the answer. */
  signIn(fields: Fields = {}, headers: Fields = {}, gateway = this.url): Promise<Answer> {
    const { email: username, password, clientId } = this;
    const form = { grant_type: 'password', username, password, ...fields };
    return tokenRequest(gateway, form, { 'x-client-id': clientId, ...headers });
  }

  /** Goes on with a refresh token, whatever the answer. */
  refresh(refreshToken: string, fields: Fields = {}, headers: Fields = {}): Promise<Answer> {
    return tokenRequest(this.url, { grant_type: 'refresh_token', refresh_token: refreshToken, ...fields }, headers);
  }

  async accessToken(): Promise<string> {
    return (await this.signIn()).json().access_token;
  }

  /** A one-time token of a session of this user. */
  async oneTimeToken(accessToken?: string): Promise<string> {
    return (await offer(this.url, accessToken ?? (await this.accessToken()))).json().Value;
  }
}

/** One form to the token endpoint. */
export function tokenRequest(url: string, fields: Fields, headers: Fields = {}): Promise<Answer> {
  const form = { 'content-type': 'application/x-www-form-urlencoded', ...headers };
  return request(`${url}/api/token`, { method: 'POST', headers: form, body: new URLSearchParams(fields).toString() });
}

/** Asks for a one-time token. */
export function offer(url: string, accessToken: string, headers: Fields = {}): Promise<Answer> {
  const authorization = `Bearer ${accessToken}`;
  return request(`${url}/api/sys/users/token/refresh`, { method: 'POST', headers: { authorization, ...headers } });
}

/** Exchanges a one-time token. */
export function exchange(url: string, query: Fields, headers: Fields = {}): Promise<Answer> {
  return request(`${url}/api/sys/users/exchange?${new URLSearchParams(query)}`, { method: 'POST', headers });
}
