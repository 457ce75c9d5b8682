import type { Admin } from './admin.js';
import { type Answer, request, type Sent } from './http.js';

export interface NewKey {
  readonly keyId: string;
  readonly key: string;
}

/** A client with whatever settings, and keys of its own. */
export class KeyHolder {
  private constructor(
    readonly clientId: string,
    private readonly admin: Admin,
  ) {}

  static async register(admin: Admin, settings: object = {}): Promise<KeyHolder> {
    const { clientId } = await admin.post('clients', { name: 'Integrator', settings });
    return new KeyHolder(clientId, admin);
  }

  newKey(scopes: readonly string[], more: object = {}): Promise<NewKey> {
    return this.admin.post(this.path('api-keys'), { name: 'backend', kind: 'private', scopes, ...more });
  }

  newPublicKey(scopes: readonly string[] = [], more: object = {}): Promise<NewKey> {
    return this.newKey(scopes, { kind: 'public', ...more });
  }

  rotate(keyId: string, overlapSeconds: number): Promise<NewKey> {
    return this.admin.post(this.path(`api-keys/${keyId}/rotate`), { overlapSeconds });
  }

  deleteKey(keyId: string): Promise<void> {
    return this.admin.delete(this.path(`api-keys/${keyId}`));
  }

  set(settings: object): Promise<unknown> {
    return this.admin.patch(`clients/${this.clientId}`, { settings });
  }

  become(status: 'active' | 'suspended'): Promise<unknown> {
    return this.admin.patch(`clients/${this.clientId}`, { status });
  }

  private path(rest: string): string {
    return `clients/${this.clientId}/${rest}`;
  }
}

/** `POST /v1/auth` with a key in its header. */
export function signIn(url: string, key: string, body?: object, headers: Sent['headers'] = {}): Promise<Answer> {
  return request(`${url}/v1/auth`, {
    method: 'POST',
    headers: { 'x-api-key': key, ...headers },
    ...(body !== undefined && { body }),
  });
}

export function refresh(url: string, refreshToken: string): Promise<Answer> {
  return request(`${url}/v1/auth/refresh`, { method: 'POST', body: { refresh_token: refreshToken } });
}
