import * as z from 'zod';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { literal } from './database-sql.ts';
import type { Postgres } from './postgres.ts';

/** A moment in a database's life: rows with a later transaction were written after it. */
export const databaseMoment = z.object({
  /** The server's identifier, and the database's: both mean the same one only where they are equal. */
  server: z.string(),
  database: z.string(),
  /** The first transaction that had not started. */
  transaction: z.string(),
});

export type DatabaseMoment = z.infer<typeof databaseMoment>;

const next = 'txid_snapshot_xmax(txid_current_snapshot())';
const momentQuery = `SELECT system_identifier, (SELECT oid FROM pg_database WHERE datname = current_database()), ${next}
  FROM pg_control_system()`;

/** Throws 'failed' where the database does not say. */
export async function readMoment(
  postgres: Pick<Postgres, 'query'>,
  signal?: AbortSignal,
): Promise<DatabaseMoment> {
  const [row = []] = await postgres.query(momentQuery, signal);
  const [server = '', database = '', transaction = ''] = row;
  if ([server, database, transaction].every((text) => /^\d+$/.test(text))) {
    return { server, database, transaction };
  }
  throw new IvaapError('failed', 'the database does not say which transaction comes next');
}

/** Rows of a table. */
export interface RowCount {
  rows: number;
  /** Those that were added or changed since the moment; undefined where there is none to compare with. */
  written?: number;
}

const batch = 40;
const countTimeoutMs = 3_600_000;

/** Tables whose rows a dump has, quoted as pg_dump quotes them. What an extension has made is left out. */
export async function tableNames(postgres: Pick<Postgres, 'query'>, signal?: AbortSignal): Promise<string[]> {
  const rows = await postgres.query(
    `SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
       AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.deptype = 'e' AND d.classid = 'pg_class'::regclass AND d.objid = c.oid)`,
    signal,
  );
  return rows.map(([name = '']) => name);
}

/**
 * By name: which rows of a table a dump has. All, except where an extension has made the table: then those
 * that its condition lets through. A table that does not exist is left out.
 */
async function conditions(
  postgres: Pick<Postgres, 'query'>,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for (let at = 0; at < names.length; at += batch) {
    const values = names.slice(at, at + batch).map((name) => `(${literal(name)})`);
    const rows = await postgres.query(
      `SELECT t.name, coalesce(e.condition, '')
       FROM (VALUES ${values.join(', ')}) t (name) LEFT JOIN LATERAL (SELECT x.condition FROM pg_extension,
         unnest(extconfig, extcondition) x (oid, condition) WHERE x.oid = to_regclass(t.name)) e ON true
       WHERE to_regclass(t.name) IS NOT NULL`,
      signal,
    );
    for (const [name = '', condition = ''] of rows) found.set(name, condition);
  }
  return found;
}

/** Rows of each table, by its name; a table that does not exist is left out. */
export async function countRows(
  postgres: Pick<Postgres, 'query'>,
  names: readonly string[],
  since?: DatabaseMoment,
  signal?: AbortSignal,
): Promise<Map<string, RowCount>> {
  const all = [...(await conditions(postgres, names, signal))];
  const now = since === undefined ? undefined : await readMoment(postgres, signal);
  const comparable = now !== undefined && now.server === since?.server && now.database === since.database;
  // The age of a row counts back from the transaction that comes next.
  const written = comparable
    ? `count(*) FILTER (WHERE age(t.xmin) <= ${next} - ${Number(since?.transaction)})`
    : "''";
  const found = new Map<string, RowCount>();
  for (let at = 0; at < all.length; at += batch) {
    const each = all
      .slice(at, at + batch)
      .map(([name, where], index) => `SELECT ${index}, count(*), ${written} FROM ONLY ${name} t ${where}`);
    const rows = await postgres.query(each.join(' UNION ALL '), signal, { timeoutMs: countTimeoutMs });
    for (const [index, count = '', later = ''] of rows) {
      const name = all[at + Number(index)]?.[0] ?? '';
      found.set(name, {
        rows: toCount(name, count),
        ...(comparable ? { written: toCount(name, later) } : {}),
      });
    }
  }
  return found;
}

function toCount(name: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw unanswered(name);
  return Number(text);
}

const unanswered = (name: string) =>
  new IvaapError('failed', `the database does not report the rows of ${foreign(name)}`, {
    hint: 'run the same command again',
  });
