import { tableChecksums } from '../e2e/database.ts';
import type { TestHost } from '../e2e/host.ts';
import { outcome, type Outcome } from './outcome.ts';

/**
 * What a restore leaves: the release, as after any other run, and the databases of its server with a checksum
 * of each table. Times are written TIME.
 */

const withoutTimes = (name: string) => name.replace(/_\d{8}T\d{6}_\d+$/, '_TIME');

/** Lines that can be compared. */
export const tableLines = (tables: Readonly<Record<string, string>>): string[] =>
  Object.entries(tables).map(([table, sum]) => `${table}: ${sum}`);

/** The same, of one of the databases at the end. */
export function tablesIn(lines: Outcome, which: 'ivaapdb' | 'ivaapdb_moved_TIME'): string[] {
  const start = `database ${which}, `;
  return lines.filter((line) => line.startsWith(start)).map((line) => line.slice(start.length));
}

/** Throws when the product does not answer. */
export async function restored(host: TestHost): Promise<Outcome> {
  const rest = await outcome(host, 'restore');
  const found = await host.sql("SELECT datname FROM pg_database WHERE datname LIKE 'ivaapdb%' ORDER BY 1");
  const names = found.split('\n');
  const lines = [`databases: ${names.length}`];
  for (const name of names) {
    const tables = tableLines(await tableChecksums(host, name));
    lines.push(...tables.map((line) => `database ${withoutTimes(name)}, ${line}`));
  }
  return [...rest, ...lines].sort();
}
