import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { literal } from './database-sql.ts';
import type { DumpSummary } from './dump-scan.ts';
import type { Postgres } from './postgres.ts';

/** A table as a COPY statement names it, quoted where it must be, with what is known of its rows. */
export type Tables = DumpSummary['tables'];

const batch = 40;
const countTimeoutMs = 3_600_000;

/**
 * By name: which rows of a table a dump has. All, except where an extension has made the table: then those
 * that its condition lets through. A table that does not exist is left out.
 */
async function conditions(
  postgres: Postgres,
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

/** Rows of each table; a table that does not exist is left out. */
export async function countRows(
  postgres: Postgres,
  names: readonly string[],
  signal?: AbortSignal,
): Promise<Map<string, number>> {
  const all = [...(await conditions(postgres, names, signal))];
  const found = new Map<string, number>();
  for (let at = 0; at < all.length; at += batch) {
    const each = all
      .slice(at, at + batch)
      .map(([name, condition], index) => `SELECT ${index}, count(*) FROM ONLY ${name} t ${condition}`);
    const rows = await postgres.query(each.join(' UNION ALL '), signal, { timeoutMs: countTimeoutMs });
    for (const [index, count = ''] of rows) {
      const name = all[at + Number(index)]?.[0] ?? '';
      found.set(name, toCount(name, count));
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

export interface RowDifference {
  table: string;
  expected: number;
  /** Undefined: there is no such table. */
  found: number | undefined;
}

/** Where a database has other rows than the stream that was loaded into it. */
export function rowDifferences(expected: Tables, found: ReadonlyMap<string, number>): RowDifference[] {
  return expected.flatMap(({ table, rows }) =>
    found.get(table) === rows ? [] : [{ table, expected: rows, found: found.get(table) }],
  );
}
