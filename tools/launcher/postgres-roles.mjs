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
  await query(`REVOKE ALL ON SCHEMA ${schema} FROM "${role}"`);
  await query(`GRANT USAGE${create} ON SCHEMA ${schema} TO "${role}"`);
  await query(`GRANT USAGE ON ALL SEQUENCES IN SCHEMA ${schema} TO "${role}"`);
  // An owner that is no superuser hands on only to a role whose rights it has too.
  const [{ member }] = await query(`SELECT pg_has_role('${role}', 'USAGE') AS member`);
  if (!member && owns.length > 0) await query(`GRANT "${role}" TO CURRENT_USER`);
  for (const { name, family, owned } of await query(tablesOf(schema, role))) {
    const table = `${schema}."${name}"`;
    if (owns.includes(family)) {
      if (!owned) await query(`ALTER TABLE ${table} OWNER TO "${role}"`);
      continue;
    }
    const may = name === 'migrations' ? 'SELECT' : `${tables}${updates.includes(name) ? ', UPDATE' : ''}`;
    await query(`REVOKE ALL ON ${table} FROM "${role}"`);
    await query(`GRANT ${may} ON ${table} TO "${role}"`);
  }
}

/** A partition is of the family of its table. */
const tablesOf = (schema, role) => `
  SELECT relname AS name, coalesce(parent.name, relname) AS family, pg_get_userbyid(relowner) = '${role}' AS owned
  FROM pg_class LEFT JOIN LATERAL (
    SELECT whole.relname AS name FROM pg_inherits JOIN pg_class whole ON whole.oid = inhparent WHERE inhrelid = pg_class.oid
  ) parent ON true
  WHERE relnamespace = '${schema}'::regnamespace AND relkind IN ('r', 'p') ORDER BY relkind, relname`;

/** RFC 5803, as Postgres keeps it: no password is in a statement, nor in its log. */
export function scram(password) {
  const [salt, iterations] = [randomBytes(16), 4096];
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256');
  const hmac = (text) => createHmac('sha256', salted).update(text).digest();
  const stored = createHash('sha256').update(hmac('Client Key')).digest('base64');
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored}:${hmac('Server Key').toString('base64')}`;
}
