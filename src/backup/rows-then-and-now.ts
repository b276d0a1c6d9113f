import type { Postgres } from '../host/postgres.ts';
import { countRows, tableNames } from '../host/table-rows.ts';
import type { PgDump } from './dump-record.ts';

/** A table in a dump and in the database. */
export interface RowsThenAndNow {
  /** Quoted where it must be. */
  table: string;
  /** Rows in the dump; undefined where it has no such table. */
  dumped: number | undefined;
  /** Rows in the database; undefined where it has no such table. */
  now: number | undefined;
  /**
   * Rows that were added or changed since the dump, and would be lost; undefined where that cannot be told.
   * Rows that were deleted since are not among them.
   */
  written: number | undefined;
}

/**
 * Each table of a dump and of the database, by name. Throws 'failed' where the database does not say, or
 * another session locks a table.
 */
export async function rowsThenAndNow(
  { database }: { database: Postgres },
  { tables = {}, moment }: Pick<PgDump, 'tables' | 'moment'>,
  signal?: AbortSignal,
): Promise<RowsThenAndNow[]> {
  const names = [...new Set([...Object.keys(tables), ...(await tableNames(database, signal))])].sort();
  const found = await countRows(database, names, moment, signal);
  return names.map((table) => {
    const { rows: now, written } = found.get(table) ?? {};
    return { table, dumped: tables[table], now, written };
  });
}
