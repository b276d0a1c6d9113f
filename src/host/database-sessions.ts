import * as z from 'zod';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { literal } from './database-sql.ts';
import type { Postgres } from './postgres.ts';

/** A session that others wait for. */
const holder = z.object({
  pid: z.int(),
  user: z.string().nullable(),
  application: z.string(),
  /** ISO 8601, UTC: when its transaction started; null between transactions. */
  since: z.string().nullable(),
  seconds: z.number().nullable(),
  state: z.string().nullable(),
  /** Tables that no other session can read meanwhile. */
  tables: z.array(z.string()),
});

export type LockHolder = z.infer<typeof holder>;

const row = `jsonb_build_object('pid', a.pid, 'user', a.usename, 'application', a.application_name, 'state', a.state,
  'since', to_char(a.xact_start AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'),
  'seconds', floor(extract(epoch FROM clock_timestamp() - a.xact_start)),
  'tables', (SELECT coalesce(jsonb_agg(DISTINCT l.relation::regclass::text), '[]') FROM pg_locks l
    WHERE l.pid = a.pid AND l.granted AND l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.relation >= 16384
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())))`;

/** Sessions, the server's own aside, that hold a table of the database so that a dump would wait for it. */
export async function lockHolders(
  postgres: Pick<Postgres, 'query'>,
  signal?: AbortSignal,
): Promise<LockHolder[]> {
  const sql = `SELECT coalesce(jsonb_agg(h), '[]') FROM (SELECT ${row} AS h FROM pg_stat_activity a
    WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.datname = current_database()) s
    WHERE jsonb_array_length(h -> 'tables') > 0`;
  return parse(z.array(holder), (await postgres.query(sql, signal))[0]?.[0]);
}

/** Sessions that a dump which is under way waits for. */
export async function blockersOfDump(
  postgres: Pick<Postgres, 'query'>,
  signal?: AbortSignal,
): Promise<LockHolder[]> {
  const sql = `SELECT coalesce(jsonb_agg(DISTINCT ${row}), '[]') FROM pg_stat_activity d, unnest(pg_blocking_pids(d.pid)) b
    JOIN pg_stat_activity a ON a.pid = b WHERE d.application_name = 'pg_dump' AND d.datname = current_database()`;
  return parse(z.array(holder), (await postgres.query(sql, signal))[0]?.[0]);
}

/** All other sessions of clients in the database. */
export async function clientSessions(
  postgres: Pick<Postgres, 'query'>,
  signal?: AbortSignal,
): Promise<LockHolder[]> {
  const sql = `SELECT coalesce(jsonb_agg(${row}), '[]') FROM pg_stat_activity a
    WHERE a.backend_type = 'client backend' AND a.pid <> pg_backend_pid() AND a.datname = current_database()`;
  return parse(z.array(holder), (await postgres.query(sql, signal))[0]?.[0]);
}

/**
 * What keeps a database from being renamed: sessions of others, the server's own aside, and prepared
 * transactions. One line each.
 */
export async function openSessions(
  postgres: Pick<Postgres, 'query'>,
  database: string,
  signal?: AbortSignal,
): Promise<string[]> {
  const name = literal(database);
  const sql = `SELECT coalesce(jsonb_agg(line ORDER BY line), '[]') FROM (
    SELECT format('session %s of user %s (%s), from %s', pid, usename, coalesce(nullif(application_name, ''),
      'no application name'), coalesce(host(client_addr), 'the pod itself')) AS line
    FROM pg_stat_activity WHERE datname = ${name} AND pid <> pg_backend_pid()
      AND backend_type NOT IN ('autovacuum worker', 'parallel worker')
    UNION ALL SELECT format('prepared transaction %L of user %s', gid, owner)
    FROM pg_prepared_xacts WHERE database = ${name}) l`;
  return parse(z.array(z.string()), (await postgres.query(sql, signal))[0]?.[0]);
}

/** Databases of the same server other than this one and PostgreSQL's own. */
export async function otherDatabases(
  postgres: Pick<Postgres, 'query'>,
  signal?: AbortSignal,
): Promise<string[]> {
  const sql = `SELECT coalesce(jsonb_agg(datname ORDER BY datname), '[]') FROM pg_database
    WHERE NOT datistemplate AND datname NOT IN ('postgres', current_database())`;
  return parse(z.array(z.string()), (await postgres.query(sql, signal))[0]?.[0]);
}

/** `pid 77 (user tiny, psql), in a transaction since TIME, 65 s (app.wells)`. */
export function describeHolder({ pid, user, application, since, seconds, tables }: LockHolder): string {
  const who = [user === null ? '' : `user ${foreign(user)}`, foreign(application)]
    .filter((word) => word !== '')
    .join(', ');
  const long = since === null ? '' : `, in a transaction since ${since} (${seconds ?? '?'} s)`;
  const of =
    tables.length === 0
      ? ''
      : `, holds ${foreign(tables.slice(0, 3).join(', '))}${tables.length > 3 ? ', …' : ''}`;
  return `pid ${pid}${who === '' ? '' : ` (${who})`}${long}${of}`;
}

function parse<T>(schema: z.ZodType<T>, text: string | undefined): T {
  try {
    return schema.parse(JSON.parse(text ?? ''));
  } catch {
    throw new IvaapError('failed', 'the database does not list its sessions');
  }
}
