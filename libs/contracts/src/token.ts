import { z } from 'zod';
import {
  attempt,
  clientId,
  externalId,
  instant,
  jti,
  keyId,
  numericDate,
  secretId,
  sessionId,
  text,
  userId,
} from './ids.js';
import { service } from './service.js';
import { longestAccessSeconds, settings } from './settings.js';

/** The client a key belongs to; the gateway remembers who a key is. */
const keyOwner = z.strictObject({ clientId, epoch: z.int(), settings });

/** What of its client's settings a link is received by. A whole client is a kilobyte, written and read for each link. */
export const linkSettings = settings.pick({
  landingUrl: true,
  loginUrl: true,
  redirectUrls: true,
  callbackPaths: true,
  embedOrigins: true,
  landingMode: true,
  switchUser: true,
  emailConflict: true,
});
export type LinkSettings = z.output<typeof linkSettings>;

/** The client of a credential that opens a session. */
const sessionOwner = z.strictObject({
  clientId,
  epoch: z.int(),
  /** Seconds; of the session it opens, and of its access tokens. */
  lifetimes: z.strictObject({ access: z.int(), session: z.int() }),
});

/** The claims of an API Link token after every check; an absent one leaves the stored value (S-34). */
export const linkClaims = z.strictObject({
  externalId,
  email: z.string().optional(),
  locale: z.string().optional(),
  username: text(128).optional(),
  anonymousAccountId: z.string().max(128).optional(),
});

/** Whether a custom token of so many hex digits has less than 64 bit, and so has to be guarded against guessing. */
export const isShort = (length: number) => length < 16;

export const scopes = z.array(z.string().max(64)).max(64);

/** Credentials: issue and check (architecture.md). Private keys and link secrets never leave this service. */
export const token = service('token', {
  /** Checks an API Link token (protocol 000). A refusal is recorded here with its precise reason. */
  verifyLink: {
    request: z.union([
      z.strictObject({ clientId: z.string().max(128), userToken: z.string().max(16_384), attempt }),
      /** A link that was parked; it is read, never taken: the fence is the session's origin. */
      z.strictObject({ handle: z.string().max(64), attempt }),
    ]),
    reply: z.strictObject({
      client: sessionOwner.extend({ settings: linkSettings }),
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
      /** What was parked beside the link. */
      callbackPath: z.string().optional(),
    }),
    faults: ['link.refused', 'account.suspended'],
  },

  /** Keeps a link, sealed, for 60 s under a 256-bit handle: a cross-site POST goes on as a GET (state.md, "A link"). */
  park: {
    request: z.strictObject({
      clientId: z.string().max(128),
      userToken: z.string().max(16_384),
      callbackPath: z.string().max(2048).optional(),
    }),
    reply: z.strictObject({ handle: z.string() }),
    faults: [],
  },

  /**
   * Issues a one-time token: stored hashed in Redis with its life, answered once. Of a user's custom tokens below 64 bit
   * only the newest lives.
   */
  offer: {
    request: z
      .discriminatedUnion('purpose', [
        /** The code of a landing on another origin (protocol 000): `segue_code_…`. */
        z.strictObject({
          purpose: z.literal('landing'),
          clientId,
          userId,
          /** The session it hangs on; it dies with it. */
          parentId: sessionId,
          /** The web origin of the landing: who may claim it from a browser. */
          landing: z.string().max(255),
          ttlSeconds: z.int().min(1).max(900),
        }),
        /** A session in an address, or for a program (protocol 004): `segue_ott_…`; whoever holds it may claim it. */
        z.strictObject({
          purpose: z.literal('one-time'),
          clientId,
          userId,
          externalId: externalId.optional(),
          epoch: z.int(),
          parentId: sessionId,
          ttlSeconds: z.int().min(1).max(1800),
        }),
        /** A secret of so many hex digits, which its user brings with their own id (protocol 003). */
        z.strictObject({
          purpose: z.literal('custom-token'),
          clientId,
          userId,
          externalId,
          epoch: z.int(),
          /** Hex digits; four would let five guesses hit with more than 1e-5 (S-61). */
          length: z.int().min(5).max(128),
          ttlSeconds: z.int().min(60).max(31_536_000),
        }),
      ])
      .refine((offer) => offer.purpose !== 'custom-token' || !isShort(offer.length) || offer.ttlSeconds <= 900, {
        path: ['ttlSeconds'],
        error: 'at most 900 for a secret below 64 bit',
      }),
    reply: z.strictObject({ tokenId: z.uuid(), secret: z.string(), expiresAt: numericDate }),
    faults: [],
  },

  /**
   * Takes a one-time token, exactly once (`GETDEL`); the session it opens carries `origin = ott:<tokenId>`, the second
   * wall. Whoever may not claim it consumes nothing (S-70).
   */
  claim: {
    request: z.discriminatedUnion('purpose', [
      z.strictObject({
        purpose: z.literal('landing'),
        secret: z.string().max(256),
        /** Who claims: a browser at a web origin, or the backend of a client with its private key. */
        by: z.union([z.strictObject({ landing: z.string().max(255) }), z.strictObject({ clientId })]),
        attempt,
      }),
      z.strictObject({
        purpose: z.literal('one-time'),
        secret: z.string().max(256),
        /**
         * Who is signed in already where it is claimed: another user's token stays unspent, and the answer is
         * `claim.questioned` (S-25).
         */
        unlessOther: z.string().max(128).optional(),
        attempt,
      }),
      /**
       * Guesses at a secret below 64 bit are counted in one statement of Postgres before anything is compared (S-62 to
       * S-65). Unknown user, wrong, expired, used and locked are one and the same fault (S-72).
       */
      z.strictObject({
        purpose: z.literal('custom-token'),
        clientId: z.string().max(128),
        externalId: z.string().max(256),
        secret: z.string().max(256),
        attempt,
      }),
    ]),
    reply: z.strictObject({
      client: sessionOwner,
      tokenId: z.uuid(),
      userId,
      /** The epoch the user had when it was offered; a landing's user is looked up anew. */
      epoch: z.int().nullable(),
      externalId: externalId.nullable(),
      /** `null` for a custom token, which hangs on nothing. */
      parentId: sessionId.nullable(),
      expiresAt: numericDate,
    }),
    faults: ['code.refused', 'claim.questioned', 'account.suspended'],
  },

  /** Lets a user's short secrets be guessed at again after a hundred wrong ones in a row (S-63). */
  unlock: { request: z.strictObject({ clientId, externalId }), reply: z.null(), faults: [] },

  /** Checks an API key (`segue_sk_…`, `segue_pk_…`); its last use is written back at most once a minute. */
  authenticate: {
    request: z.strictObject({ key: z.string().max(512), attempt }),
    reply: z.strictObject({
      client: keyOwner,
      keyId,
      kind: z.enum(['private', 'public']),
      epoch: z.int(),
      scopes,
      expiresAt: instant.nullable(),
    }),
    faults: ['key.refused', 'account.suspended'],
  },

  /**
   * Signs a JWT (EdDSA, `kid`): `iss`, `aud`, `iat` and `exp` are filled here. An access token writes nothing, since the
   * session it is of is a fact; any other kind states `token.issued`.
   */
  sign: {
    request: z
      .strictObject({
        /** `account` is the JWT of protocol 003; `typ` is `at+jwt`, `sdk+jwt`, `media+jwt`, `account+jwt`. */
        kind: z.enum(['access', 'sdk', 'media', 'account']),
        clientId,
        /** `sub`: the userId, or `key_<id>`. */
        subject: z.string().min(1).max(128),
        /** `ext`: the client's own id of the person. */
        externalId: externalId.optional(),
        sessionId: sessionId.optional(),
        /** The epoch of the subject, as the private claim `epoch`: what lets a suspension end the token. */
        epoch: z.int().optional(),
        scopes,
        /** Seconds; `auth_time`: when the user was last asked who they are. */
        authTime: numericDate.optional(),
        jti,
        /** Of a token without a session at most a day: so long a raised epoch is remembered. */
        ttlSeconds: z.int().min(1).max(longestAccessSeconds),
      })
      .refine(({ sessionId, ttlSeconds }) => sessionId !== undefined || ttlSeconds <= 86_400, { path: ['ttlSeconds'] })
      .refine(({ kind, sessionId }) => kind !== 'access' || sessionId !== undefined, { path: ['sessionId'] }),
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

  /** Keys and clients whose tokens must not be accepted any more: a page of the revocation set (state.md). */
  snapshot: {
    request: z.strictObject({ cursor: z.string().max(256).optional() }),
    reply: z.strictObject({
      keys: z.array(z.strictObject({ keyId, until: numericDate })),
      clients: z.array(z.strictObject({ clientId, suspended: z.boolean(), epoch: z.int() })),
      nextCursor: z.string().nullable(),
    }),
    faults: ['cursor.invalid'],
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
