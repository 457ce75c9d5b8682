/** Injection token of the `iss` of every token: PUBLIC_URL. */
export const issuer = Symbol('issuer');
