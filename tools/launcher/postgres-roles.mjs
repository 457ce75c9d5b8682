// The roles at Postgres: one per service, `<database>_<service>`, which reaches its own schema and no other.
import { createHash, createHmac, pbkdf2Sync, randomBytes } from 'node:crypto';

const rows = 'SELECT, INSERT, UPDATE, DELETE';

/**
 * What a role may do with the tables of its schema, and which it owns, for only an owner may make and drop partitions
 * (of its outbox), VACUUM and ANALYZE (Postgres 15). The audit trail is written once and for all.
 */
const rights = {
  identity: { tables: rows, owns: ['outbox', 'users'] },
  token: { tables: rows, owns: ['outbox'] },
  session: { tables: rows, owns: ['outbox'] },
  audit: { tables: 'SELECT, INSERT', updates: ['chains'], owns: [] },
};

/** The role of a service in the database of this URL, e.g. `segue_token`. */
export function roleOf(service, url) {
  return `${new URL(url).pathname.slice(1)}_${service}`;
}

/**
 * Gives every service's role exactly its rights, after the migrations; their owner keeps the schemas and all else.
 *
 * @param {(sql: string) => Promise<object[]>} query as the owner, within one transaction
 * @param {Record<string, string | undefined>} passwords POSTGRES_<SERVICE>_PASSWORD; a role without one must be there
 *   already to be given anything (made by whoever runs Postgres)
 */
export async function grantRoles(query, url, passwords) {
  await query(`SELECT pg_advisory_xact_lock(hashtext('segue roles'))`);
  const database = new URL(url).pathname.slice(1);
  for (const [service, may] of Object.entries(rights)) {
    const role = roleOf(service, url);
    const password = passwords[`POSTGRES_${service.toUpperCase()}_PASSWORD`];
    const [known] = await query(`SELECT FROM pg_roles WHERE rolname = '${role}'`);
    if (!known && !password) continue;
    if (!known) await query(`CREATE ROLE "${role}" NOSUPERUSER NOCREATEDB NOCREATEROLE NOINHERIT`);
    if (password) await query(`ALTER ROLE "${role}" LOGIN PASSWORD '${scram(password)}'`);
    await query(`REVOKE ALL ON DATABASE "${database}" FROM PUBLIC`);
    await query(`GRANT CONNECT ON DATABASE "${database}" TO "${role}"`);
    await grantSchema(query, service, role, may);
  }
}

async function grantSchema(query, schema, role, { tables, updates = [], owns }) {
  const create = owns.length > 0 ? ', CREATE' : '';
  await query(`REVOKE ALL ON ALL TABLES IN SCHEMA ${schema} FROM "${role}"`);
  await query(`REVOKE ALL ON SCHEMA ${schema} FROM "${role}"`);
  await query(`GRANT USAGE${create} ON SCHEMA ${schema} TO "${role}"`);
  await query(`GRANT ${tables} ON ALL TABLES IN SCHEMA ${schema} TO "${role}"`);
  await query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO "${role}"`);
  for (const table of updates) await query(`GRANT UPDATE ON ${schema}.${table} TO "${role}"`);
  await query(`REVOKE ALL ON ${schema}.migrations FROM "${role}"`);
  await query(`GRANT SELECT ON ${schema}.migrations TO "${role}"`);
  if (owns.length === 0) return;
  // An owner that is no superuser hands on only to a role that it is a member of.
  await query(`GRANT "${role}" TO CURRENT_USER`);
  for (const { name } of await query(ownedTables(schema, owns))) {
    await query(`ALTER TABLE ${name} OWNER TO "${role}"`);
  }
}

/** With their partitions. */
function ownedTables(schema, owns) {
  const named = owns.map((table) => `'${schema}.${table}'::regclass`).join(', ');
  return `SELECT oid::regclass::text AS name FROM pg_class WHERE oid IN (${named})
    UNION SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent IN (${named})`;
}

/** RFC 5803, as Postgres keeps it: no password is in a statement, nor in its log. */
export function scram(password) {
  const [salt, iterations] = [randomBytes(16), 4096];
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}
