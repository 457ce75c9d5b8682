// The least these flows can cost with the same promises of durability: node:http, node:crypto, one process, and the
// writes of one event-loop turn in one statement. No bus, no facts, no audit trail, no limits, no checks of input.
// Nobody should run this; it says where the bottom is.
import { createHash, createHmac, generateKeyPairSync, randomBytes, randomUUID, sign, verify } from 'node:crypto';
import { createServer } from 'node:http';
import { Redis } from 'ioredis';
import pg from 'pg';

const { DATABASE_URL, REDIS_URL, PORT, API_KEY, LINK_SECRET } = process.env;
const day = 86_400;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 8 });
const redis = new Redis(REDIS_URL, { keyPrefix: 'floor:', enableAutoPipelining: true });
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const digest = (text) => createHash('sha256').update(text).digest();
const secret = () => randomBytes(32).toString('base64url');
const encoded = (value) => Buffer.from(JSON.stringify(value)).toString('base64url');

await pool.query(`
  CREATE SCHEMA IF NOT EXISTS floor;
  CREATE TABLE IF NOT EXISTS floor.refresh_tokens (digest bytea PRIMARY KEY, subject text NOT NULL, expires_at timestamptz NOT NULL, spent_at timestamptz);
  CREATE TABLE IF NOT EXISTS floor.users (
    user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), client_id text NOT NULL, external_id text NOT NULL, email text,
    username text, locale text, UNIQUE (client_id, external_id));
  CREATE TABLE IF NOT EXISTS floor.sessions (digest bytea PRIMARY KEY, user_id text NOT NULL, expires_at timestamptz NOT NULL)`);

/** Collects what is added within a turn; at most two statements are on their way, the rest waits for the next. */
function grouped(run) {
  const waiting = [];
  let running = 0;
  const flush = async () => {
    if (running >= 2 || waiting.length === 0) return;
    const group = waiting.splice(0, 256);
    running++;
    try {
      const answers = await run(group.map(({ row }) => row));
      for (const [index, { resolve }] of group.entries()) resolve(answers[index]);
    } catch (error) {
      for (const { reject } of group) reject(error);
    } finally {
      running--;
      setImmediate(flush);
    }
  };
  return (row) =>
    new Promise((resolve, reject) => {
      waiting.push({ row, resolve, reject });
      if (waiting.length === 1) setImmediate(flush);
    });
}

const column = (rows, index) => rows.map((row) => row[index]);
const query = async (name, text, values) => (await pool.query({ name, text, values })).rows;

const keepRefreshToken = grouped(async (rows) => {
  await query(
    'refresh.insert',
    `INSERT INTO floor.refresh_tokens SELECT digest, subject, now() + interval '15 days', NULL
     FROM unnest($1::bytea[], $2::text[]) AS row (digest, subject)`,
    [column(rows, 0), column(rows, 1)],
  );
  return rows;
});

const spendRefreshToken = grouped(async (rows) => {
  const spent = await query(
    'refresh.rotate',
    `WITH asked AS (SELECT * FROM unnest($1::bytea[], $2::bytea[]) AS row (old, new) ORDER BY old),
     spent AS (
       UPDATE floor.refresh_tokens token SET spent_at = now() FROM asked
       WHERE token.digest = asked.old AND spent_at IS NULL AND expires_at > now()
       RETURNING asked.old, asked.new, token.subject, token.expires_at),
     kept AS (INSERT INTO floor.refresh_tokens SELECT new, subject, expires_at, NULL FROM spent)
     SELECT old, subject FROM spent`,
    [column(rows, 0), column(rows, 1)],
  );
  const subjects = new Map(spent.map(({ old, subject }) => [old.toString('hex'), subject]));
  return rows.map(([old]) => subjects.get(old.toString('hex')));
});

const keepSession = grouped(async (rows) => {
  await query(
    'session.insert',
    `INSERT INTO floor.sessions SELECT digest, user_id, now() + interval '15 days'
     FROM unnest($1::bytea[], $2::text[]) AS row (digest, user_id)`,
    [column(rows, 0), column(rows, 1)],
  );
  return rows;
});

const arrive = grouped(async (rows) => {
  const unique = [...new Map(rows.map((row) => [row[0], row])).values()].sort(([a], [b]) => (a < b ? -1 : 1));
  const users = await query(
    'user.upsert',
    `INSERT INTO floor.users (client_id, external_id, email, username, locale)
     SELECT 'client', * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
     ON CONFLICT (client_id, external_id) DO UPDATE
     SET email = excluded.email, username = excluded.username, locale = excluded.locale
     RETURNING external_id, user_id`,
    [0, 1, 2, 3].map((index) => column(unique, index)),
  );
  const ids = new Map(users.map(({ external_id, user_id }) => [external_id, user_id]));
  return rows.map(([externalId]) => ids.get(externalId));
});

const header = encoded({ alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' });
function accessToken(subject) {
  const now = Math.floor(Date.now() / 1000);
  const input = `${header}.${encoded({ iss: 'floor', aud: 'floor', sub: subject, iat: now, exp: now + 14 * day, jti: randomUUID() })}`;
  return `${input}.${sign(null, Buffer.from(input), privateKey).toString('base64url')}`;
}

const seen = new Map();
function bearer({ headers }) {
  const token = headers.authorization?.slice('Bearer '.length) ?? '';
  const known = seen.get(token);
  if (known && known.exp > Date.now() / 1000) return known;
  const [head, body, signature] = token.split('.');
  if (!verify(null, Buffer.from(`${head}.${body}`), publicKey, Buffer.from(signature, 'base64url'))) throw new Error();
  const claims = JSON.parse(Buffer.from(body, 'base64url').toString());
  seen.set(token, claims);
  return claims;
}

async function pairFor(subject, refresh = secret()) {
  const kept = keepRefreshToken([digest(refresh), subject]);
  const access = accessToken(subject);
  await kept;
  return { access_token: access, refresh_token: refresh, token_type: 'Bearer', expires_in: 14 * day };
}

async function landed(userId) {
  const value = secret();
  await keepSession([digest(value), userId]);
  const cookie = `session=${value}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=${15 * day}`;
  return { status: 303, headers: { location: '/home', 'set-cookie': cookie } };
}

const keys = new Map([[digest(API_KEY).toString('hex'), 'client']]);
const routes = {
  'POST /auth': async ({ api_key }) => ({ body: await pairFor(keys.get(digest(api_key).toString('hex'))) }),
  'POST /refresh': async ({ refresh_token }) => {
    const next = secret();
    const subject = await spendRefreshToken([digest(refresh_token), digest(next)]);
    if (!subject) return { status: 401, body: { error: 'invalid_grant' } };
    const pair = {
      access_token: accessToken(subject),
      refresh_token: next,
      token_type: 'Bearer',
      expires_in: 14 * day,
    };
    return { body: pair };
  },
  'POST /one-time': async (_body, request) => {
    const token = secret();
    await redis.set(digest(token).toString('base64url'), bearer(request).sub, 'EX', 60);
    return { body: { token } };
  },
  'GET /land': async (_body, _request, query) => {
    const user = await redis.getdel(digest(query.get('t')).toString('base64url'));
    return user ? landed(user) : { status: 401, body: { error: 'invalid_token' } };
  },
  'GET /link': async (_body, _request, query) => {
    const [head, body, signature] = query.get('userToken').split('.');
    const mac = createHmac('sha256', LINK_SECRET).update(`${head}.${body}`).digest('base64url');
    if (mac !== signature) return { status: 401, body: { error: 'invalid_token' } };
    const { userId, email, username, locale } = JSON.parse(Buffer.from(body, 'base64url').toString());
    return landed(await arrive([userId, email, username, locale]));
  },
  'GET /verify': async (_body, request) => ({ status: 204, headers: { 'x-user-id': bearer(request).sub } }),
};

createServer((request, response) => {
  const [path, search = ''] = request.url.split('?');
  const chunks = [];
  request.on('data', (chunk) => chunks.push(chunk));
  request.on('end', async () => {
    const given = chunks.length > 0 ? JSON.parse(Buffer.concat(chunks).toString()) : undefined;
    const route = routes[`${request.method} ${path}`] ?? (() => ({ status: 404 }));
    const { status = 200, headers = {}, body } = await route(given, request, new URLSearchParams(search));
    const text = body ? JSON.stringify(body) : '';
    const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(text) };
    response.writeHead(status, { 'content-type': 'application/json', ...length, ...headers });
    response.end(text);
  });
}).listen(Number(PORT), '127.0.0.1', () => console.log('ready'));
