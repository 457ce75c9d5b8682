import { z } from 'zod';
import { attempt, clientId, externalId, instant, jti, keyId, numericDate, secretId, sessionId, text } from './ids.js';
import { service } from './service.js';
import { settings } from './settings.js';

/** What the flows need to know of the client a credential belongs to. */
const credentialOwner = z.strictObject({ clientId, epoch: z.int(), settings });

/** The claims of an API Link token after every check; an absent one leaves the stored value (S-34). */
export const linkClaims = z.strictObject({
  externalId,
  email: z.string().optional(),
  locale: z.string().optional(),
  username: text(128).optional(),
  anonymousAccountId: z.string().max(128).optional(),
});

export const scopes = z.array(z.string().max(64)).max(64);

/** Credentials: issue and check (architecture.md). Private keys and link secrets never leave this service. */
export const token = service('token', {
  /** Checks an API Link token (protocol 000). A refusal is recorded here with its precise reason. */
  verifyLink: {
    request: z.strictObject({ clientId: z.string().max(128), userToken: z.string().max(16_384), attempt }),
    reply: z.strictObject({
      client: credentialOwner,
      secretId,
      claims: linkClaims,
      /** Seconds; `iat`, else `exp - linkMaxAgeSeconds`: which link is newer (state.md). */
      asOf: numericDate,
      /** SHA-256 of the signing input, base64url: tells apart links of the same second. */
      hash: z.string(),
      /** The fence of the session this link opens: `link:<jti or hash>`; `null` under `until-expiry`. */
      origin: z.string().max(256).nullable(),
      /** Seconds; the end of the link's life: the fence is kept until 24 h and the leeway later. */
      expiresAt: numericDate,
    }),
    faults: ['link.refused', 'account.suspended'],
  },

  /** Checks an API key (`segue_sk_…`, `segue_pk_…`); its last use is written back at most once a minute. */
  authenticate: {
    request: z.strictObject({ key: z.string().max(512), attempt }),
    reply: z.strictObject({
      client: credentialOwner,
      keyId,
      kind: z.enum(['private', 'public']),
      epoch: z.int(),
      scopes,
      expiresAt: instant.nullable(),
    }),
    faults: ['key.refused', 'account.suspended'],
  },

  /** Signs a JWT (EdDSA, `kid`): `iss`, `aud`, `iat` and `exp` are filled here. Writes nothing. */
  sign: {
    request: z.strictObject({
      kind: z.enum(['access', 'sdk', 'media']),
      clientId,
      /** `sub`: the userId, or `key_<id>`. */
      subject: z.string().min(1).max(128),
      /** `ext`: the client's own id of the person. */
      externalId: externalId.optional(),
      sessionId: sessionId.optional(),
      scopes,
      jti,
      ttlSeconds: z.int().min(1).max(31_622_400),
    }),
    reply: z.strictObject({ token: z.string(), expiresIn: z.int(), kid: z.string() }),
    faults: ['client.missing'],
  },

  /** The public key set (RFC 7517): the next, the current, and the retired keys whose tokens may still live. */
  keys: {
    request: z.strictObject({}),
    reply: z.strictObject({
      keys: z.array(
        z.strictObject({
          kty: z.literal('OKP'),
          crv: z.literal('Ed25519'),
          alg: z.literal('EdDSA'),
          use: z.literal('sig'),
          kid: z.string(),
          x: z.string(),
        }),
      ),
    }),
    faults: [],
  },
});

const signingKeyView = z.strictObject({
  kid: z.string(),
  state: z.enum(['next', 'current', 'retired']),
  createdAt: instant,
  activatedAt: instant.nullable(),
  /** When its tokens stop verifying; `null` while it may still sign. */
  verifiesUntil: instant.nullable(),
});

/** Administration of the signing keys; served by token. */
export const signingKey = service('signingKey', {
  list: { request: z.strictObject({}), reply: z.strictObject({ items: z.array(signingKeyView) }), faults: [] },
  /** The next key becomes current, a new next one is published, the old one only verifies from now on (S-54). */
  rotate: { request: z.strictObject({}), reply: signingKeyView, faults: [] },
});
