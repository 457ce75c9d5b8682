/** Segue's own scopes: what only a backend may do (http-api.md, Admin). */
const server: readonly string[] = ['users.read', 'users.write', 'sessions.write', 'tokens.issue'];

/** What may be done with a credential that travels to a browser or an app (S-52). */
export function withoutServerScopes(scopes: readonly string[]): string[] {
  return scopes.filter((scope) => !server.includes(scope));
}

/** What a client allows of a key's scopes today; an empty cap allows all. */
export function capScopes(scopes: readonly string[], cap: readonly string[]): string[] {
  return cap.length === 0 ? [...scopes] : scopes.filter((scope) => cap.includes(scope));
}
