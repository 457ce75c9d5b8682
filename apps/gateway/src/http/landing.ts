import type { Settings } from '#contracts/settings';

export interface Landing {
  /** For `Location`: a path where the landing is on our own origin, else an absolute URL. */
  readonly location: string;
  readonly callback: 'none' | 'taken' | 'refused';
}

type LandingSettings = Pick<Settings, 'landingUrl' | 'callbackPaths' | 'redirectUrls'>;

/** Stands for whatever origin we are reached under: a landing that is a path stays a path. */
const ownOrigin = 'https://segue.invalid';
const longest = 2048;

/**
 * Where a hand-off lands: on `callbackPath`, a path resolved against the landing's origin or exactly one of
 * `redirectUrls`, or else on the client's `landingUrl`. An invalid one never fails the sign-in and is never shown (S-40,
 * S-42).
 */
export function landing(callbackPath: string | undefined, settings: LandingSettings): Landing {
  const { landingUrl, callbackPaths, redirectUrls } = settings;
  if (callbackPath === undefined) return { location: landingUrl, callback: 'none' };
  if (redirectUrls.includes(callbackPath)) return { location: callbackPath, callback: 'taken' };

  const origin = landingUrl.startsWith('/') ? ownOrigin : new URL(landingUrl).origin;
  const target = resolve(callbackPath, origin);
  if (!target || !isAllowed(target.pathname, callbackPaths)) return { location: landingUrl, callback: 'refused' };

  const path = target.pathname + target.search + target.hash;
  return { location: origin === ownOrigin ? path : origin + path, callback: 'taken' };
}

function resolve(path: string, origin: string): URL | null {
  if (path.length > longest || !path.isWellFormed() || !isPlainPath(path)) return null;
  const url = URL.parse(path, origin);
  if (url?.origin !== origin || url.username || url.password) return null;
  // Dot segments can leave a path that starts with two slashes (`/..//evil.example`), which is another host when read again.
  const again = URL.parse(url.pathname + url.search + url.hash, origin);
  return again?.origin === origin && again.pathname === url.pathname && hidesNothing(url.pathname) ? url : null;
}

/** One leading slash, and nothing WHATWG URL parsing drops or turns into a slash: controls, spaces, backslashes. */
function isPlainPath(path: string): boolean {
  return /^\/(?![/\\])[^\\\s\p{Cc}\p{Cf}]*$/u.test(path);
}

/** However often and however leniently somebody behind us decodes it, the path stays a plain one of the same place. */
function hidesNothing(pathname: string): boolean {
  if (!isUtf8(pathname)) return false;
  let seen = pathname;
  for (let round = 0; round < 8; round++) {
    const decoded = seen.replace(/%([0-7][0-9a-f])/gi, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (!/^\/(?![/\\])[^\\\p{Cc}]*$/u.test(decoded) || /(^|\/)\.\.?(\/|$)/.test(decoded)) return false;
    if (decoded === seen) return true;
    seen = decoded;
  }
  return false;
}

function isUtf8(escaped: string): boolean {
  try {
    decodeURIComponent(escaped);
    return true;
  } catch {
    return false;
  }
}

/** A prefix ends where a path segment ends: `/app` allows `/app` and `/app/x`, not `/apple`. */
function isAllowed(pathname: string, prefixes: readonly string[]): boolean {
  return (
    prefixes.length === 0 ||
    prefixes.some((prefix) => pathname === prefix || pathname.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`))
  );
}

/** Adds parameters to a URL or a path of ours, whatever it already carries. */
export function withParameters(target: string, parameters: Readonly<Record<string, string>>): string {
  const url = new URL(target, ownOrigin);
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
  return target.startsWith('/') ? url.pathname + url.search + url.hash : url.href;
}
