import { setTimeout as sleep } from 'node:timers/promises';
import { type Answer, request, type Sent } from './http.js';
import { allRoutes } from './routes.js';
import { type Kind, Wallet } from './wallet.js';

/** A place that takes a credential. */
export interface Door {
  /** The route, and where the credential stands in it. */
  readonly name: string;
  readonly route: string;
  readonly accepts: readonly Kind[];
  /** It is told there which client is meant, besides by the credential itself. */
  readonly told: boolean;
  /** What a credential that has no business here may be answered. */
  readonly refuses: readonly number[];
  /** Gets what has to be there besides, for one that is accepted. */
  prepare(): Promise<void>;
  /** Presents a text as what this door takes; `host` is how the gateway was addressed. */
  present(text: string, host?: string): Promise<Answer>;
  accepted(answer: Answer, text: string): boolean | Promise<boolean>;
}

type Placed = Sent & { readonly path?: string };
type Place = (text: string) => Placed | Promise<Placed>;
type Options = Partial<Pick<Door, 'told' | 'refuses' | 'accepted' | 'prepare'>>;

const formType = 'application/x-www-form-urlencoded';
const form = (fields: Readonly<Record<string, string>>, headers: Readonly<Record<string, string>> = {}): Sent => ({
  headers: { 'content-type': formType, ...headers },
  body: new URLSearchParams(fields).toString(),
});
const bearer: Place = (text) => ({ headers: { authorization: `Bearer ${text}` } });
const basic: Place = (text) => ({ headers: { authorization: `Basic ${Buffer.from(`x:${text}`).toString('base64')}` } });
const header =
  (name: string, others: Readonly<Record<string, string>> = {}): Place =>
  (text) => ({
    headers: { ...others, [name]: text },
  });
const cookie =
  (name: string, others: Readonly<Record<string, string>> = {}): Place =>
  (text) => ({
    headers: { ...others, cookie: `${name}=${text}` },
  });
const query =
  (name: string, others: Readonly<Record<string, string>> = {}): Place =>
  (text) => ({
    path: `?${new URLSearchParams({ ...others, [name]: text })}`,
  });
const json =
  (name: string, others: object = {}, headers: Readonly<Record<string, string>> = {}): Place =>
  (text) => ({
    headers,
    body: { ...others, [name]: text },
  });

const userAccess = ['access token', 'access token by password'] as const satisfies Kind[];
const keyRefresh = ['refresh token of a key'] as const satisfies Kind[];
const passwordRefresh = ['refresh token by password', 'refresh token of an exchange'] as const satisfies Kind[];
const introspected = [
  ...userAccess,
  'access token of a key',
  'SDK token',
  'media token',
  'account JWT',
  'refresh token',
  ...keyRefresh,
  ...passwordRefresh,
] as const satisfies Kind[];

/** Signed in, or a new place to go to; a redirect that carries an error is none. */
const isSuccess = ({ status, headers }: Answer) =>
  (status >= 200 && status < 300) || (status === 303 && !/[?&]error=/.test(headers['location'] ?? ''));

/** A revocation is known at every gateway within five seconds (R-26). */
async function endsSoon(isActive: () => Promise<boolean>): Promise<boolean> {
  for (const until = Date.now() + 5_000; Date.now() < until; await sleep(50)) if (!(await isActive())) return true;
  return false;
}

/**
 * Every door of Segue, as a client stands before it.
 *
 * @param other somebody whose password may be guessed at: after ten wrong ones it is closed for an hour
 */
export function doorsOf(url: string, of: Wallet, other: { readonly email: string }): Door[] {
  const { clientId, project } = of;
  const { externalId } = Wallet;
  const doors: Door[] = [];
  const introspect = async (text: string) => {
    const sent = form({ token: text }, { authorization: `Bearer ${of.key.key}` });
    return (await request(`${url}/oauth2/introspect`, { method: 'POST', ...sent })).json().active as boolean;
  };

  function door(route: string, where: string, place: Place, accepts: readonly Kind[], options: Options = {}): void {
    const [method = '', pattern = ''] = route.split(' ');
    const { told = false, refuses = [400, 401, 403], accepted = isSuccess, prepare = async () => undefined } = options;
    const present = async (text: string, host?: string) => {
      const { path = '', headers = {}, ...sent } = await place(text);
      const filled = pattern.replace(':userId', externalId).replace(':sessionId', 'current');
      const target = path.startsWith('/') ? path : `${filled}${path}`;
      return request(`${url}${target}`, {
        method,
        ...sent,
        headers: { ...headers, ...(host !== undefined && { host }) },
      });
    };
    doors.push({ name: `${route} › ${where}`, route, accepts, told, refuses, accepted, prepare, present });
  }

  // Ours
  for (const route of ['GET /v1/session', 'GET /v1/verify', 'DELETE /v1/session']) {
    const keyToo = route === 'GET /v1/verify' ? (['access token of a key'] as const) : [];
    door(route, 'cookie', cookie('segue'), ['session cookie']);
    door(route, 'bearer', bearer, [...userAccess, ...keyToo]);
  }
  for (const route of ['GET /', 'GET /demo']) {
    const options = {
      refuses: [200],
      accepted: ({ text }: Answer) => !text.includes('Nobody is signed in'),
    };
    door(route, 'cookie', cookie('segue'), ['session cookie'], options);
    door(route, 'bearer', bearer, userAccess, options);
  }
  const signsOut = { refuses: [303], accepted: ({ cookies }: Answer) => cookies.length > 0 };
  door('POST /demo/sign-out', 'cookie', cookie('segue'), ['session cookie'], signsOut);
  door('POST /demo/sign-out', 'bearer', bearer, userAccess, signsOut);
  door('POST /v1/session/claim', 'code', json('code', {}, { origin: of.origin }), ['landing code']);
  let code = '';
  door(
    'POST /v1/session/claim',
    'bearer',
    (text) => ({ headers: { authorization: `Bearer ${text}` }, body: { code } }),
    ['private key'],
    {
      prepare: async () => {
        code = await of.fresh['landing code']();
      },
    },
  );
  door('POST /v1/session/refresh', 'refreshToken', json('refreshToken'), ['refresh token']);

  for (const route of ['POST /oauth2/introspect', 'POST /oauth2/revoke']) {
    const proven =
      (place: Place): Place =>
      async (text) => {
        const { headers } = await place(text);
        return form({ token: 'x' }, headers as Record<string, string>);
      };
    door(route, 'bearer', proven(bearer), ['private key']);
    door(route, 'basic', proven(basic), ['private key']);
  }
  const asked: Place = (text) => form({ token: text }, { authorization: `Bearer ${of.key.key}` });
  door('POST /oauth2/introspect', 'token', asked, introspected, {
    told: true,
    refuses: [200],
    accepted: ({ status, text }) => status === 200 && JSON.parse(text).active === true,
  });
  // The answer tells nothing: whether it was worth something before, and is worth nothing now, does.
  const worth = new Map<string, boolean>();
  door(
    'POST /oauth2/revoke',
    'token',
    async (text) => {
      worth.set(text, await introspect(text));
      return asked(text);
    },
    introspected.filter((kind) => kind !== 'SDK token'),
    {
      ...{ told: true, refuses: [200, 400] },
      accepted: async ({ status }, text) =>
        status === 200 && worth.get(text) === true && endsSoon(() => introspect(text)),
    },
  );

  // Administration
  for (const { name, method } of allRoutes().filter(({ path }) => path.startsWith('/v1/admin/'))) {
    const place: Place = (text) => ({
      path: name.split(' ')[1]!.replaceAll(/:\w+/g, 'x'),
      headers: { authorization: `Bearer ${text}` },
      ...(method === 'POST' || method === 'PATCH' ? { body: {} } : {}),
    });
    door(name, 'bearer', place, ['admin key'], { accepted: ({ status }) => ![401, 403, 429].includes(status) });
  }

  // 000
  const linked = { told: true };
  door('GET /api/link', 'userToken', query('userToken', { clientId }), ['link'], linked);
  door(
    'POST /api/link',
    'userToken',
    (text) => form({ clientId, userToken: text }, { 'sec-fetch-site': 'same-origin' }),
    ['link'],
    linked,
  );
  door('GET /api/link/continue', 'h', query('h', { clientId }), ['parked link'], linked);

  // 001
  door('GET /api/clients/jwt/token', 'apikey', header('apikey'), ['private key']);
  door('GET /v1/client', 'bearer', bearer, ['SDK token']);
  door('GET /v1/client', 'apikey', header('apikey'), ['public key']);

  // 002
  door('POST /v1/auth', 'x-api-key', header('x-api-key'), ['private key']);
  door('POST /v1/auth', 'api_key', json('api_key'), ['private key']);
  door('POST /v1/auth/refresh', 'refresh_token', json('refresh_token'), keyRefresh);
  door('GET /v1/auth', 'bearer', bearer, [...keyRefresh, 'access token of a key']);
  door('TRACE /v1/auth', 'bearer', bearer, keyRefresh);
  door('TRACE /v1/auth', 'refresh_token', json('refresh_token'), keyRefresh);

  // 003
  const named = { told: true };
  for (const route of [
    'POST /v1/users',
    'GET /v1/users/:userId',
    'POST /v1/users/:userId/tokens',
    'POST /v1/users/:userId/jwts',
  ]) {
    const body = route === 'POST /v1/users' ? () => ({ body: { userId: Wallet.someone() } }) : () => ({ body: {} });
    for (const family of ['appwrite', 'nuvix']) {
      const place: Place = (text) => ({
        headers: { [`x-${family}-project`]: clientId, [`x-${family}-key`]: text },
        ...(route.startsWith('POST') && body()),
      });
      door(route, `x-${family}-key`, place, ['private key'], named);
    }
  }
  let secret = '';
  const exchange = 'POST /v1/account/sessions/token';
  door(exchange, 'secret', json('secret', { userId: externalId }, project), ['custom token'], named);
  door(
    exchange,
    'x-appwrite-key',
    (text) => ({ headers: { ...project, 'x-appwrite-key': text }, body: { userId: externalId, secret } }),
    ['private key'],
    {
      ...named,
      prepare: async () => {
        secret = await of.fresh['custom token']();
      },
    },
  );
  const accountRoutes = allRoutes().filter(({ path }) =>
    /^\/v1\/account(\/(jwts?|sessions(\/:sessionId)?))?$/.test(path),
  );
  for (const { name, method, path } of accountRoutes) {
    const sends =
      (place: Place): Place =>
      async (text) => ({
        ...(await place(text)),
        ...(method === 'POST' ? { body: {} } : {}),
      });
    for (const family of ['appwrite', 'nuvix'])
      door(name, `x-${family}-session`, sends(header(`x-${family}-session`, project)), ['custom session'], named);
    for (const kept of [`a_session_${clientId}`, `a_session_${clientId}_legacy`, 'nx_session'])
      door(name, `cookie ${kept.replace(clientId, '…')}`, sends(cookie(kept, project)), ['custom session'], named);
    const fallback: Place = (text) => ({
      headers: { ...project, 'x-fallback-cookies': JSON.stringify({ [`a_session_${clientId}`]: text }) },
    });
    door(name, 'x-fallback-cookies', sends(fallback), ['custom session'], named);
    // A JWT cannot prolong itself.
    const jwts: Kind[] = /jwts?$/.test(path) ? [] : ['account JWT'];
    for (const family of ['appwrite', 'nuvix'])
      door(name, `x-${family}-jwt`, sends(header(`x-${family}-jwt`, project)), jwts, named);
  }

  // 004
  const at = { 'x-client-id': clientId };
  door(
    'POST /api/token',
    'password',
    (text) =>
      form(
        { grant_type: 'password', username: Wallet.isPassword(text) ? Wallet.email : other.email, password: text },
        at,
      ),
    ['password'],
    named,
  );
  door(
    'POST /api/token',
    'refresh_token',
    (text) => form({ grant_type: 'refresh_token', refresh_token: text }, at),
    passwordRefresh,
    named,
  );
  door('POST /api/sys/users/token/refresh', 'bearer', bearer, userAccess);
  door('POST /api/sys/users/exchange', 'token', query('token'), ['one-time token']);
  door('GET /login', 't', query('t'), ['one-time token']);
  door('GET /user/login', 't', query('t'), ['one-time token']);
  door('POST /login', 't', (text) => form({ t: text }, { 'sec-fetch-site': 'same-origin' }), ['one-time token']);
  door('GET /api/auth/media/customer', 'bearer', bearer, userAccess);
  door('GET /v1/media/verify', 't', query('t'), ['media token']);
  return doors;
}

/** Which credentials do not open the first door of theirs any more; what opens it may be used up by that. */
export async function deadOf(doors: readonly Door[], live: readonly [Kind, string][]): Promise<string[]> {
  const dead: string[] = [];
  for (const [kind, text] of live) {
    const door = doors.find(({ accepts }) => accepts.includes(kind));
    await door?.prepare();
    const answer = await door?.present(text);
    if (door && answer && !(await door.accepted(answer, text))) dead.push(`${kind} at ${door.name}: ${answer.text}`);
  }
  return dead;
}

/** Routes that take no credential at all. */
export const doorless: Readonly<Record<string, string>> = {
  'POST /v1/anonymous': 'takes nothing: anybody may start an anonymous account',
  'GET /.well-known/jwks.json': 'the same for everybody',
  'GET /.well-known/oauth-authorization-server': 'the same for everybody',
  'GET /v1/ping': 'the same for everybody',
  'ALL /v1/users/*': 'there is nothing',
  'ALL /v1/account/*': 'there is nothing',
};
