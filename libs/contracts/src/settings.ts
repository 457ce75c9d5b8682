import { z } from 'zod';
import { text } from './ids.js';

/** An absolute https URL (http on loopback only) without userinfo, fragment or path traversal (S-41). */
const absoluteUrl = z
  .string()
  .max(2048)
  .refine(isPlainHttpsUrl, { error: 'an absolute https URL (http on loopback only), already in its normal form' });

/** A path on our own origin: one leading slash, nothing a browser would read as another host (S-40). */
const localPath = z.string().max(2048).refine(isLocalPath, { error: 'a path that starts with a single slash' });

/** The origin of a web page, e.g. `https://app.example.com`. */
export const webOrigin = z
  .string()
  .max(255)
  .refine((value) => isPlainHttpsUrl(value) && new URL(value).origin === value, {
    error: 'an origin such as https://app.example.com',
  });

const seconds = (least: number, most: number) => z.int().min(least).max(most);
const day = 86_400;

/** No access token that a setting allows lives longer: so long a revocation is remembered. */
export const longestAccessSeconds = 30 * day;

/** Lifetimes in seconds; `access` is never longer than what is left of the session. */
const lifetime = (accessDefault: number, sessionDefault: number) =>
  z
    .strictObject({
      access: seconds(60, longestAccessSeconds).default(accessDefault),
      session: seconds(60, 366 * day).default(sessionDefault),
    })
    .prefault({});

/** Everything a client can set about itself; `PATCH` merges into it (RFC 7396), so every member has a default. */
export const settings = z.strictObject({
  landingUrl: z.union([localPath, absoluteUrl]).default('/'),
  loginUrl: z.union([localPath, absoluteUrl]).default('/login'),
  /** Other origins a landing may end on, compared as exact strings. */
  redirectUrls: z.array(absoluteUrl).max(100).default([]),
  /** When not empty, `callbackPath` must start with one of these. */
  callbackPaths: z.array(localPath).max(100).default([]),
  hosts: z
    .array(z.string().regex(/^[a-z0-9.-]+(:\d{1,5})?$/))
    .max(20)
    .default([]),
  /** Origins allowed by CORS. */
  origins: z.array(webOrigin).max(100).default([]),
  /** Origins that may embed us; not empty: the cookie becomes `SameSite=None; Secure; Partitioned`. */
  embedOrigins: z.array(webOrigin).max(100).default([]),
  /** The `aud` of the JWTs signed for this client; absent: the issuer. */
  audience: text(255).optional(),
  /** Caps the scopes of every key when not empty. */
  scopes: z
    .array(z.string().regex(/^[a-z][a-z0-9_.:-]{0,63}$/))
    .max(64)
    .default([]),
  features: z
    .strictObject({
      shortLivedToken: z.boolean().default(false),
      publicKeyAuth: z.boolean().default(false),
      trace: z.boolean().default(true),
      anonymous: z.boolean().default(true),
    })
    .prefault({}),
  /** The longest life of a link in seconds (S-21). */
  linkMaxAgeSeconds: seconds(30, day).default(3600),
  linkReplay: z.enum(['single-use', 'until-expiry']).default('single-use'),
  landingMode: z.enum(['direct', 'confirm']).default('direct'),
  switchUser: z.enum(['confirm', 'replace']).default('confirm'),
  emailConflict: z.enum(['keep-owner', 'reject']).default('keep-owner'),
  lifetimes: z
    .strictObject({
      apiLink: lifetime(900, 15 * day),
      anonymous: lifetime(900, 30 * day),
      clientAuth: lifetime(14 * day, 15 * day),
      customToken: lifetime(900, 365 * day),
      oneTime: z
        .strictObject({
          /** The life of a one-time token; its protocol knew half an hour. */
          token: seconds(10, 1800).default(60),
          access: seconds(60, longestAccessSeconds).default(day),
          session: seconds(60, 366 * day).default(15 * day),
        })
        .prefault({}),
    })
    .prefault({}),
});
export type Settings = z.output<typeof settings>;

/** The web origins whose pages belong to the client: those it lists for CORS, and those it lands on. */
export function webOrigins({
  origins,
  redirectUrls,
  landingUrl,
}: Pick<Settings, 'origins' | 'redirectUrls' | 'landingUrl'>): string[] {
  const landings = [...redirectUrls, ...(landingUrl.startsWith('/') ? [] : [landingUrl])];
  return [...new Set([...origins, ...landings.map((url) => new URL(url).origin)])];
}

function isLocalPath(value: string): boolean {
  if (!/^\/(?![/\\])[^\\\s\p{Cc}]*$/u.test(value)) return false;
  const base = 'https://segue.invalid';
  const url = URL.parse(value, base);
  return url?.origin === base;
}

function isPlainHttpsUrl(value: string): boolean {
  const url = URL.parse(value);
  if (!url || url.username || url.password || url.hash || value.includes('*')) return false;
  const loopback = ['127.0.0.1', '[::1]', 'localhost'].includes(url.hostname);
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && loopback)) return false;
  return url.href === value || url.href === `${value}/`;
}
