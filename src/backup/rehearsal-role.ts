import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { readProperties } from '../host/database-properties.ts';
import { literal, settingsAs } from '../host/database-sql.ts';
import { besideBoth } from './copy-mark.ts';
import { besides, dropDatabase, type ScratchContext } from './scratch-database.ts';
import { isBeside } from './scratch-name.ts';

/**
 * The role of a rehearsal. It has the name of the copy that it owns, and can open a session in that database
 * only: in any other one its sessions end while they begin, since a library is to be loaded that does not
 * exist. Only a superuser may set that, or take it back; nothing of another database or role is changed.
 * What is granted to PUBLIC stays as it is.
 */

type RoleContext = Pick<ScratchContext, 'database' | 'product'>;

/** No library has this name: the server says it where the role tries another database. */
const nowhereElse = 'ivaap_rehearsal_may_connect_to_its_copy_only';

/** Of the role's comment, set in the transaction that makes it: what lacks it is not ours. */
const mark = '{"ivaap": "rehearsal"}';

const variables = (name: string) => ({ rehearsal: name });

/** How many sessions the server has left, and what is true of the role that the product migrates as. */
export async function assertCanRehearse(
  { database }: Pick<ScratchContext, 'database'>,
  user: string,
  signal?: AbortSignal,
): Promise<{ sessions: number }> {
  const [[left = '', superuser = ''] = []] = await database.query(
    `SELECT current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
       - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
     (SELECT rolsuper FROM pg_roles WHERE rolname = ${literal(user)})`,
    signal,
  );
  const refused = (why: string, hint: string) =>
    new IvaapError('preflight', `the migration cannot be rehearsed: ${why}`, { hint });
  if (superuser === 't') {
    const why = `the product's role ${user} is a superuser, and a rehearsal must have no such role`;
    throw refused(why, 'upgrade without a rehearsal');
  }
  // Half of what is left stays for the product.
  const sessions = Math.floor(Number(left) / 2);
  if (sessions >= 3) return { sessions: Math.min(sessions, 20) };
  const why = `the database has no more than ${left} sessions left`;
  throw refused(why, 'try again when fewer programs are connected to it');
}

/** Makes the role. It can log in, and finds no database that would take it. */
export async function makeRole(
  ctx: RoleContext,
  name: string,
  { password, sessions, signal }: { password: string; sessions: number; signal: AbortSignal },
): Promise<void> {
  const sql = `-- The role of a rehearsal.
BEGIN;
CREATE ROLE :"rehearsal" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS NOINHERIT
  CONNECTION LIMIT ${sessions} PASSWORD ${literal(password)};
COMMENT ON ROLE :"rehearsal" IS ${literal(mark)};
ALTER ROLE :"rehearsal" SET session_preload_libraries = ${literal(nowhereElse)};
COMMIT;
`;
  const options = { variables: variables(name), application: name, discard: true, signal } as const;
  await besideBoth(ctx).execute(sql, options);
}

/** Kinds as pg_identify_object names them, and as ALTER does. */
const ownable: Record<string, string> = {
  aggregate: 'ROUTINE',
  collation: 'COLLATION',
  'composite type': 'TYPE',
  conversion: 'CONVERSION',
  'foreign table': 'FOREIGN TABLE',
  function: 'ROUTINE',
  'large object': 'LARGE OBJECT',
  'materialized view': 'MATERIALIZED VIEW',
  operator: 'OPERATOR',
  'operator class': 'OPERATOR CLASS',
  'operator family': 'OPERATOR FAMILY',
  procedure: 'ROUTINE',
  schema: 'SCHEMA',
  sequence: 'SEQUENCE',
  'statistics object': 'STATISTICS',
  table: 'TABLE',
  'text search configuration': 'TEXT SEARCH CONFIGURATION',
  'text search dictionary': 'TEXT SEARCH DICTIONARY',
  type: 'TYPE',
  view: 'VIEW',
};
const kinds = Object.entries(ownable).map(([kind, word]) => `(${literal(kind)}, ${literal(word)})`);

/** The roles whose rights the product's role has: itself, and those that it inherits from. */
const whose = `(SELECT oid FROM pg_roles WHERE NOT rolsuper AND pg_has_role(:'user', oid, 'USAGE'))`;

/**
 * In the copy the role becomes what the product's role is: owner of what that one owns, with its privileges.
 * Never by REASSIGN OWNED, which would take the live database as well. Sequences of a table go with it.
 */
const takeOver = `-- The copy belongs to the rehearsal.
SET session_replication_role = replica;
SELECT format('DROP USER MAPPING FOR %s SERVER %I', CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END, srvname)
  FROM pg_user_mappings \\gexec
SELECT format('ALTER %s %s OWNER TO %I', k.word, o.identity, :'rehearsal')
  FROM pg_shdepend d, pg_identify_object(d.classid, d.objid, 0) o
  JOIN (VALUES ${kinds.join(', ')}) k (kind, word) ON k.kind = o.type
  WHERE d.dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND d.deptype = 'o'
    AND d.refclassid = 'pg_authid'::regclass AND d.refobjid IN ${whose}
    AND NOT EXISTS (SELECT FROM pg_depend s WHERE s.classid = d.classid AND s.objid = d.objid AND s.deptype IN ('a', 'i')
      AND o.type = 'sequence' AND s.refclassid = 'pg_class'::regclass) \\gexec
SELECT DISTINCT format('GRANT %s ON %s %s TO %I', a.privilege_type, g.kind, g.name, :'rehearsal') FROM (
  SELECT 'SCHEMA' AS kind, quote_ident(nspname) AS name, nspacl AS acl FROM pg_namespace
  UNION ALL SELECT CASE relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, oid::regclass::text, relacl FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
  UNION ALL SELECT 'ROUTINE', oid::regprocedure::text, proacl FROM pg_proc) g, aclexplode(g.acl) a
  WHERE a.grantee IN ${whose} \\gexec
`;

/** Gives a copy that is loaded to the role of its name: from here on that one can log in there. */
export async function giveCopy(
  ctx: ScratchContext,
  name: string,
  { user, signal }: { user: string; signal: AbortSignal },
): Promise<void> {
  const into = ctx.database.on(name);
  const options = { application: name, discard: true, signal } as const;
  await into.execute(takeOver, { ...options, variables: { ...variables(name), user } });
  const { settings } = await readProperties(ctx.database, signal);
  const sql = `-- The rehearsal may log in.
${settingsAs(settings, user, 'ALTER ROLE :"rehearsal" IN DATABASE :"rehearsal"').join('\n')}
ALTER ROLE :"rehearsal" IN DATABASE :"rehearsal" SET session_preload_libraries FROM CURRENT;
ALTER DATABASE :"rehearsal" OWNER TO :"rehearsal";
`;
  await into.execute(sql, { ...options, variables: variables(name) });
}

/** Names of this kind on the server that our mark is not on: somebody else's. */
export async function foreignRehearsals(ctx: RoleContext, signal?: AbortSignal): Promise<string[]> {
  const ours = await ourRoles(ctx, signal);
  const roles = await rolesOfForm(ctx, signal);
  const databases = await besides(ctx, 'rehearsal', signal);
  return [
    ...roles.filter((one) => !ours.includes(one)).map((one) => `role ${foreign(one)}`),
    ...databases.filter((one) => !ours.includes(one)).map((one) => `database ${foreign(one)}`),
  ];
}

/**
 * Drops the copies and roles of rehearsals, the database before the role: what a killed run has left is known
 * by it. Only under the installer's lock. Returns the names.
 */
export async function dropRehearsals(ctx: RoleContext, signal?: AbortSignal): Promise<string[]> {
  const names = await ourRoles(ctx, signal);
  for (const name of names) {
    await dropDatabase(ctx.database, name, signal);
    await besideBoth(ctx).execute('-- The role of a rehearsal goes.\nDROP ROLE IF EXISTS :"rehearsal";\n', {
      variables: variables(name),
      discard: true,
      timeoutMs: 60_000,
      ...(signal && { signal }),
    });
  }
  return names;
}

async function rolesOfForm({ database, product }: RoleContext, signal?: AbortSignal): Promise<string[]> {
  const rows = await database.query('SELECT rolname FROM pg_roles', signal);
  return rows.map(([name = '']) => name).filter((name) => isBeside(name, product.database.name, 'rehearsal'));
}

async function ourRoles({ database, product }: RoleContext, signal?: AbortSignal): Promise<string[]> {
  const rows = await database.query(
    `SELECT rolname FROM pg_roles WHERE shobj_description(oid, 'pg_authid') = ${literal(mark)}`,
    signal,
  );
  return rows.map(([name = '']) => name).filter((name) => isBeside(name, product.database.name, 'rehearsal'));
}
