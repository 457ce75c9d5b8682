// What a careful developer would write instead of using Segue: Fastify, pg, ioredis and jose, as their documentation
// shows them. One process, no bus, no facts, no audit trail, no limits; tokens are kept hashed and spent once.
import { createHash, randomBytes, randomUUID } from 'node:crypto';
import Fastify from 'fastify';
import { Redis } from 'ioredis';
import { generateKeyPair, jwtVerify, SignJWT } from 'jose';
import pg from 'pg';

const { DATABASE_URL, REDIS_URL, PORT, API_KEY, LINK_SECRET } = process.env;
const day = 86_400;
const pool = new pg.Pool({ connectionString: DATABASE_URL, max: 20 });
const redis = new Redis(REDIS_URL, { keyPrefix: 'by-hand:' });
const { privateKey, publicKey } = await generateKeyPair('EdDSA');
const digest = (text) => createHash('sha256').update(text).digest();
const secret = () => randomBytes(32).toString('base64url');

await pool.query(`
  CREATE SCHEMA IF NOT EXISTS by_hand;
  CREATE TABLE IF NOT EXISTS by_hand.clients (client_id text PRIMARY KEY, link_secret text NOT NULL);
  CREATE TABLE IF NOT EXISTS by_hand.keys (digest bytea PRIMARY KEY, client_id text NOT NULL);
  CREATE TABLE IF NOT EXISTS by_hand.refresh_tokens (
    digest bytea PRIMARY KEY, subject text NOT NULL, family uuid NOT NULL, expires_at timestamptz NOT NULL, spent_at timestamptz);
  CREATE TABLE IF NOT EXISTS by_hand.users (
    user_id uuid PRIMARY KEY DEFAULT gen_random_uuid(), client_id text NOT NULL, external_id text NOT NULL, email text,
    username text, locale text, updated_at timestamptz NOT NULL DEFAULT now(), UNIQUE (client_id, external_id));
  CREATE TABLE IF NOT EXISTS by_hand.sessions (
    digest bytea PRIMARY KEY, user_id text NOT NULL, expires_at timestamptz NOT NULL)`);
await pool.query('INSERT INTO by_hand.clients VALUES ($1, $2) ON CONFLICT DO NOTHING', ['client', LINK_SECRET]);
await pool.query('INSERT INTO by_hand.keys VALUES ($1, $2) ON CONFLICT DO NOTHING', [digest(API_KEY), 'client']);

const one = async (name, text, values) => (await pool.query({ name, text, values })).rows[0];

const accessToken = (subject) =>
  new SignJWT({ client_id: 'client', scope: '' })
    .setProtectedHeader({ alg: 'EdDSA', typ: 'at+jwt', kid: 'k1' })
    .setIssuer('by-hand')
    .setAudience('by-hand')
    .setSubject(subject)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime('14d')
    .sign(privateKey);

async function bearer({ headers }) {
  const options = { issuer: 'by-hand', audience: 'by-hand', algorithms: ['EdDSA'], typ: 'at+jwt' };
  const { payload } = await jwtVerify(headers.authorization?.slice('Bearer '.length) ?? '', publicKey, options);
  return payload;
}

async function pairFor(subject, family) {
  const refresh = secret();
  await one('refresh.insert', "INSERT INTO by_hand.refresh_tokens VALUES ($1, $2, $3, now() + interval '15 days')", [
    digest(refresh),
    subject,
    family,
  ]);
  return {
    access_token: await accessToken(subject),
    refresh_token: refresh,
    token_type: 'Bearer',
    expires_in: 14 * day,
  };
}

async function cookieFor(userId) {
  const value = secret();
  await one('session.insert', "INSERT INTO by_hand.sessions VALUES ($1, $2, now() + interval '15 days')", [
    digest(value),
    userId,
  ]);
  return `session=${value}; Path=/; HttpOnly; Secure; SameSite=Lax; Max-Age=${15 * day}`;
}

const app = Fastify();
const refuse = (reply) => reply.code(401).send({ error: 'invalid_token' });

app.post('/auth', async ({ body }, reply) => {
  const key = await one('key.find', 'SELECT client_id FROM by_hand.keys WHERE digest = $1', [digest(body.api_key)]);
  return key ? pairFor(key.client_id, randomUUID()) : refuse(reply);
});

app.post('/refresh', async ({ body }, reply) => {
  const spent = await one(
    'refresh.spend',
    `UPDATE by_hand.refresh_tokens SET spent_at = now()
     WHERE digest = $1 AND spent_at IS NULL AND expires_at > now() RETURNING subject, family`,
    [digest(body.refresh_token)],
  );
  return spent ? pairFor(spent.subject, spent.family) : refuse(reply);
});

app.post('/one-time', async (request) => {
  const { sub } = await bearer(request);
  const token = secret();
  await redis.set(digest(token).toString('base64url'), sub, 'EX', 60);
  return { token };
});

app.get('/land', async ({ query }, reply) => {
  const user = await redis.getdel(digest(query.t).toString('base64url'));
  if (!user) return refuse(reply);
  return reply.header('set-cookie', await cookieFor(user)).redirect('/home', 303);
});

app.get('/link', async ({ query }, reply) => {
  const client = await one('client.find', 'SELECT link_secret FROM by_hand.clients WHERE client_id = $1', [
    query.clientId,
  ]);
  const key = new TextEncoder().encode(client.link_secret);
  const { payload } = await jwtVerify(query.userToken, key, { algorithms: ['HS256'] });
  const user = await one(
    'user.upsert',
    `INSERT INTO by_hand.users (client_id, external_id, email, username, locale) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (client_id, external_id) DO UPDATE
     SET email = excluded.email, username = excluded.username, locale = excluded.locale, updated_at = now()
     RETURNING user_id`,
    [query.clientId, payload.userId, payload.email, payload.username, payload.locale],
  );
  return reply.header('set-cookie', await cookieFor(user.user_id)).redirect('/home', 303);
});

app.get('/verify', async (request, reply) => {
  const { sub } = await bearer(request);
  return reply.code(204).header('x-user-id', sub).send();
});

await app.listen({ port: Number(PORT), host: '127.0.0.1' });
console.log('ready');
