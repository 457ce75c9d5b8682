// For specs only: links, and all that is stored of a client.
import { randomBytes, randomUUID } from 'node:crypto';
import { type Email, normalEmail } from '#contracts/person';
import type { ScratchStore } from '#postgres/testing';
import { sha256 } from '#secrets/digest';
import { randomBase62, uuidv7 } from '#secrets/random';
import type { User } from '../domain/identity.js';
import { placeholderEmail } from '../domain/placeholder.js';
import type { Arriving } from './sql.js';
import type { UsersStore } from './users.store.js';

export const newClient = () => randomBytes(6).toString('hex');
export const proposal = () => ({ userId: uuidv7(Date.now()), placeholder: placeholderEmail(randomBytes) });

export function email(text: string): Email {
  const normal = normalEmail(text);
  if (!normal) throw new Error(`${text} is no e-mail`);
  return normal;
}

export interface Said {
  clientId: string;
  externalId?: string;
  email?: string;
  username?: string;
  locale?: string;
  /** Of the anonymous account it names. */
  handle?: string;
  emailConflict?: 'keep-owner' | 'reject';
  asOf?: number;
  hash?: string;
}

/** A link of its own unless `hash` says otherwise. */
export function link({ email: address, handle, ...said }: Said): Arriving {
  return {
    externalId: 'ann',
    asOf: 1000,
    hash: randomUUID(),
    emailConflict: 'keep-owner',
    ...said,
    email: address === undefined ? undefined : email(address),
    handle: handle === undefined ? null : sha256(handle),
    proposal: proposal(),
    support: 'abcdefghij',
    traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01',
  };
}

export interface Visitor {
  readonly user: User;
  readonly handle: string;
}

export async function visit(users: UsersStore, clientId: string): Promise<Visitor> {
  const handle = randomBase62(32);
  const start = { clientId, handle: sha256(handle), proposal: proposal(), traceparent: null };
  return { user: await users.startAnonymous(start), handle };
}

export interface Dump {
  users: {
    user_id: string;
    external_id: string | null;
    email: string;
    email_key: string | null;
    status: string;
    epoch: number;
    claims_as_of: number;
    handle_hash: string | null;
    merged_into: string | null;
  }[];
  emails: { email: string; owner: string }[];
  erased: { external_id_hash: string; erased_at: number }[];
  outbox: { type: string; subject: string; traceparent: string; body: Record<string, unknown> }[];
}

/** Everything that is stored of a client, facts included. */
export async function dump({ dataSource }: ScratchStore, clientId: string): Promise<Dump> {
  const all = (table: string, order: string) =>
    `(SELECT coalesce(jsonb_agg(to_jsonb(${table}) ORDER BY ${order}), '[]') FROM ${table} WHERE client_id = $1) AS ${table}`;
  const tables = [
    all('users', 'user_id'),
    all('emails', 'email'),
    all('erased', 'external_id_hash'),
    all('outbox', 'position'),
  ];
  const [everything] = await dataSource.query(`SELECT ${tables.join(', ')}`, [clientId]);
  return everything;
}

/** The facts of a client from `since` on, as type and body. */
export async function factsOf(scratch: ScratchStore, clientId: string, since = 0) {
  const { outbox } = await dump(scratch, clientId);
  return outbox.slice(since).map(({ type, body }) => [type, body]);
}
