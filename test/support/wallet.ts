import { randomUUID } from 'node:crypto';
import { Admin } from './admin.js';
import { Browser } from './browser.js';
import { type Answer, request, type Sent } from './http.js';
import { Partner } from './partner.js';
import type { Stack } from './stack.js';

/** Every kind of credential there is, and how to get a fresh one. */
export type Kind = keyof Wallet['fresh'];

const form = (fields: Readonly<Record<string, string>>) => ({
  headers: { 'content-type': 'application/x-www-form-urlencoded' },
  body: new URLSearchParams(fields).toString(),
});

/** What is inside a session of protocol 003 has the form of our cookie. */
function unwrapped(secret: string): string {
  return JSON.parse(Buffer.from(secret, 'base64').toString()).secret;
}

/** Our cookie in the clothes of protocol 003. */
function wrapped(secret: string): string {
  return Buffer.from(JSON.stringify({ id: Wallet.externalId, secret })).toString('base64');
}

/** All that a client can have, of every protocol. Its one user is called the same at every client. */
export class Wallet {
  static readonly externalId = 'same';
  static readonly email = 'same@example.com';

  /** Of some wallet: each has another. */
  static isPassword(text: string): boolean {
    return text.endsWith(' battery staple');
  }

  private constructor(
    private readonly stack: Pick<Stack, 'url' | 'adminKey'>,
    readonly partner: Partner,
    readonly origin: string,
    readonly host: string,
    readonly userId: string,
    readonly key: { readonly keyId: string; readonly key: string },
    readonly publicKey: string,
    readonly password: string,
  ) {}

  /** @param name tells its host and origin apart from others' */
  static async fill(stack: Pick<Stack, 'url' | 'adminKey'>, name: string): Promise<Wallet> {
    const admin = new Admin(stack);
    const [origin, host] = [`https://${name}.example.com`, `${name}.example.com`];
    const partner = await Partner.register(admin, {
      ...{ landingUrl: `${origin}/start`, origins: [origin], hosts: [host], switchUser: 'replace' },
      features: { shortLivedToken: true, publicKeyAuth: true },
    });
    const path = `clients/${partner.clientId}`;
    const { externalId, email } = Wallet;
    const password = `${name} horse battery staple`;
    const user = await admin.post(`${path}/users`, { externalId, email, password, username: 'Same' });
    const scopes = ['users.read', 'users.write', 'sessions.write', 'tokens.issue', 'orders.read'];
    const key = await admin.post(`${path}/api-keys`, { name: 'k', kind: 'private', scopes });
    const pub = await admin.post(`${path}/api-keys`, { name: 'p', kind: 'public', scopes: ['orders.read'] });
    return new Wallet(stack, partner, origin, host, user.userId, key, pub.key, password);
  }

  get clientId(): string {
    return this.partner.clientId;
  }

  readonly fresh = {
    'admin key': async () => this.stack.adminKey,
    link: async () => this.partner.token({ userId: Wallet.externalId }),
    'link secret': async () => this.partner.secret,
    'parked link': () => this.#parkedLink(),
    'anonymous handle': async () =>
      (await this.#post('/v1/anonymous', { body: { clientId: this.clientId } })).anonymousAccountId as string,
    'session cookie': async () => (await this.#landed()).cookie,
    'landing code': async () => (await this.#landed()).code,
    'access token': async () => (await this.#claimed()).accessToken,
    'refresh token': async () => (await this.#claimed()).refreshToken,
    'private key': async () => this.key.key,
    'public key': async () => this.publicKey,
    'SDK token': async () =>
      (await this.#send('/api/clients/jwt/token', { headers: { apikey: this.key.key } })).token as string,
    'access token of a key': async () => (await this.#ofKey()).access_token,
    'refresh token of a key': async () => (await this.#ofKey()).refresh_token,
    'custom token': () => this.#customToken(),
    'custom session': async () => (await this.customSession()).secret,
    'custom session, unwrapped': async () => unwrapped((await this.customSession()).secret),
    'session cookie, wrapped': async () => wrapped((await this.#landed()).cookie),
    'account JWT': async () => {
      const { secret } = await this.customSession();
      const headers = { ...this.project, 'x-appwrite-session': secret };
      return (await this.#post('/v1/account/jwts', { headers, body: {} })).jwt as string;
    },
    password: async () => this.password,
    'access token by password': async () => (await this.#byPassword()).access_token,
    'refresh token by password': async () => (await this.#byPassword()).refresh_token,
    'one-time token': () => this.#oneTime(),
    'refresh token of an exchange': async () => {
      const query = new URLSearchParams({ token: await this.#oneTime() });
      return (await this.#post(`/api/sys/users/exchange?${query}`)).refresh_token as string;
    },
    'media token': async () =>
      (await this.#send('/api/auth/media/customer', { headers: await this.#bearer() })).jwt as string,
  };

  /** One live credential of each kind. */
  async oneOfEach(): Promise<[Kind, string][]> {
    const kinds = Object.keys(this.fresh) as Kind[];
    const minted = await Promise.all(kinds.map(async (kind) => [kind, await this.fresh[kind]()] as const));
    const live = Object.fromEntries(minted) as Record<Kind, string>;
    live['custom session, unwrapped'] = unwrapped(live['custom session']);
    live['session cookie, wrapped'] = wrapped(live['session cookie']);
    return kinds.map((kind) => [kind, live[kind]]);
  }

  /** Which project a request of protocol 003 is for. */
  get project() {
    return { 'x-appwrite-project': this.clientId };
  }

  // biome-ignore lint/suspicious/noExplicitAny: a spec says itself what it expects of a body
  async #send(path: string, sent: Sent): Promise<any> {
    const answer = await request(`${this.stack.url}${path}`, sent);
    if (answer.status >= 300) throw new Error(`${path}: ${answer.status} ${answer.text}`);
    return answer.json();
  }

  #post(path: string, sent: Sent = {}) {
    return this.#send(path, { method: 'POST', ...sent });
  }

  async #bearer() {
    return { authorization: `Bearer ${(await this.#claimed()).accessToken}` };
  }

  async #landed() {
    const browser = new Browser(this.stack.url);
    const { headers } = await browser.open(this.partner.link({ userId: Wallet.externalId }));
    const code = new URL(headers['location'] ?? '').searchParams.get('code') ?? '';
    return { code, cookie: browser.cookie.split(/=(.*)/s)[1] ?? '' };
  }

  async #claimed(): Promise<{ accessToken: string; refreshToken: string }> {
    const { code } = await this.#landed();
    return this.#post('/v1/session/claim', { headers: { origin: this.origin }, body: { code } });
  }

  async #parkedLink() {
    const fields = { clientId: this.clientId, userToken: await this.fresh.link() };
    const answer: Answer = await request(`${this.stack.url}/api/link`, { method: 'POST', ...form(fields) });
    return new URL(answer.headers['location'] ?? '', this.stack.url).searchParams.get('h') ?? '';
  }

  #ofKey(): Promise<{ access_token: string; refresh_token: string }> {
    return this.#post('/v1/auth', { headers: { 'x-api-key': this.key.key } });
  }

  async #customToken() {
    const headers = { ...this.project, 'x-appwrite-key': this.key.key };
    // Long enough not to be guessed at, so that nothing is counted.
    const { secret } = await this.#post(`/v1/users/${Wallet.externalId}/tokens`, { headers, body: { length: 64 } });
    return secret as string;
  }

  async customSession(): Promise<{ readonly sessionId: string; readonly secret: string }> {
    const body = { userId: Wallet.externalId, secret: await this.#customToken() };
    const headers = { ...this.project, 'x-appwrite-key': this.key.key };
    const { $id: sessionId, secret } = await this.#post('/v1/account/sessions/token', { headers, body });
    return { sessionId, secret };
  }

  #byPassword(): Promise<{ access_token: string; refresh_token: string }> {
    const fields = form({ grant_type: 'password', username: Wallet.email, password: this.password });
    return this.#post('/api/token', { ...fields, headers: { ...fields.headers, 'x-client-id': this.clientId } });
  }

  async #oneTime(): Promise<string> {
    return (await this.#post('/api/sys/users/token/refresh', { headers: await this.#bearer() })).Value;
  }

  /** A name nobody else has. */
  static someone(): string {
    return `u-${randomUUID().slice(0, 8)}`;
  }
}
