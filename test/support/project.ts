import type { Admin } from './admin.js';
import { type Answer, request, type Sent } from './http.js';

const scopes = ['users.read', 'users.write', 'sessions.write'];

/** A client of protocol 003, which calls it a project, with a key of its backend. */
export class Project {
  constructor(
    readonly clientId: string,
    readonly key: string,
    private readonly admin: Admin,
  ) {}

  static async register(admin: Admin, settings: object = {}): Promise<Project> {
    const { clientId } = await admin.post('clients', { name: 'Project', settings });
    return new Project(clientId, await newKey(admin, clientId), admin);
  }

  /** A further key. */
  newKey(options: { scopes?: string[]; kind?: 'private' | 'public' } = {}): Promise<string> {
    return newKey(this.admin, this.clientId, options);
  }

  /** As a program that has nothing but the name of the project. */
  call(method: string, path: string, { headers = {}, ...sent }: Sent = {}): Promise<Answer> {
    const project = { 'x-appwrite-project': this.clientId };
    return request(`${this.admin.url}/v1/${path}`, { method, headers: { ...project, ...headers }, ...sent });
  }

  /** As its backend. */
  backend(method: string, path: string, body?: object): Promise<Answer> {
    return this.call(method, path, { headers: { 'x-appwrite-key': this.key }, ...(body && { body }) });
  }

  async addUser(userId: string, more: object = {}): Promise<void> {
    expected(await this.backend('POST', 'users', { userId, ...more }));
  }

  /** A secret of a user, as the backend would hand it over. */
  async secretOf(userId: string, options: object = {}): Promise<string> {
    return expected(await this.backend('POST', `users/${encodeURIComponent(userId)}/tokens`, options)).json().secret;
  }

  redeem(userId: string, secret: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
    return this.call('POST', 'account/sessions/token', { body: { userId, secret }, headers });
  }

  /** A session of a user, as its backend gets it: `secret` is what `X-Appwrite-Session` takes. */
  async signIn(userId: string): Promise<{ $id: string; secret: string }> {
    const secret = await this.secretOf(userId);
    return expected(await this.redeem(userId, secret, { 'x-appwrite-key': this.key })).json();
  }

  /** As a user. */
  as(secret: string, method: string, path: string, sent: Sent = {}): Promise<Answer> {
    return this.call(method, path, { ...sent, headers: { 'x-appwrite-session': secret, ...sent.headers } });
  }
}

async function newKey(
  admin: Admin,
  clientId: string,
  { scopes: allowed = scopes, kind = 'private' }: { scopes?: string[]; kind?: 'private' | 'public' } = {},
): Promise<string> {
  const { key } = await admin.post(`clients/${clientId}/api-keys`, { name: 'Backend', kind, scopes: allowed });
  return key;
}

function expected(answer: Answer): Answer {
  if (answer.status !== 201) throw new Error(`expected 201, got ${answer.status}: ${answer.text}`);
  return answer;
}
