import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { counted } from '../policy/counted.ts';
import { DumpScan, type DumpSummary, type TableRows } from '../host/dump-scan.ts';
import type { DumpOptions, Postgres } from '../host/postgres.ts';

type Rows = Pick<DumpSummary, 'tables' | 'objects' | 'encoding'>;

interface RowDifference {
  expected: TableRows;
  /** Undefined: there is no such table. */
  found: TableRows | undefined;
}

/**
 * Compares every row of a database, large objects and values of sequences with the dump that was loaded into
 * it. pg_dump writes them as it wrote those, so that quoting, formats of values, generated columns and the
 * tables of extensions are its matter.
 * Throws 'failed' where a row is missing, is too many or has another value.
 */
export async function proveRows(
  loaded: Postgres,
  path: string,
  rows: Rows,
  signal?: AbortSignal,
): Promise<void> {
  const differences = await otherRows(loaded, rows, signal);
  if (differences === undefined) return;
  throw new IvaapError('failed', `${path} was restored, but not as it is: ${differences}`, {
    hint: 'take another backup, and keep this file for whoever looks into it',
  });
}

/** How the rows of a database differ from those of a dump, as text; undefined where each is the same. */
export async function otherRows(
  database: Postgres,
  { tables, objects, encoding }: Rows,
  signal?: AbortSignal,
): Promise<string | undefined> {
  let differences: RowDifference[] = [];
  // A dump of before was written with the settings of its database.
  for (const settings of ['ours', 'own'] as const) {
    const found = await readRows(database, { encoding, settings }, signal);
    differences = rowDifferences([...tables, ...objects], found);
    if (differences.every(({ expected, found }) => expected.rows !== found?.rows)) break;
  }
  return differences.length === 0 ? undefined : differencesText(differences);
}

async function readRows(
  from: Postgres,
  options: DumpOptions,
  signal?: AbortSignal,
): Promise<readonly TableRows[]> {
  const scan = new DumpScan();
  await from.dump(
    async (rows, whole) => {
      for await (const piece of rows as AsyncIterable<Buffer>) {
        scan.update(piece);
        if (scan.ended) whole();
      }
    },
    signal,
    { ...options, dataOnly: true },
  );
  const { tables, objects } = scan.finish();
  return [...tables, ...objects];
}

/** Where a database has other rows than the text that was loaded into it. */
function rowDifferences(expected: readonly TableRows[], found: readonly TableRows[]): RowDifference[] {
  const there = new Map(found.map((one) => [one.table, one]));
  return expected.flatMap((one) => {
    const other = there.get(one.table);
    const same = other?.rows === one.rows && other.checksum === one.checksum;
    return same ? [] : [{ expected: one, found: other }];
  });
}

function differencesText(differences: readonly RowDifference[]): string {
  const texts = differences.slice(0, 3).map(({ expected: { table, rows }, found }) => {
    if (found === undefined) return `${foreign(table)} is missing`;
    const has = `${foreign(table)} has ${counted(found.rows, 'row')}`;
    return found.rows === rows ? `${has}, but not with the same values` : `${has} instead of ${rows}`;
  });
  const more = differences.length > 3 ? `; ${differences.length - 3} more tables` : '';
  return `${texts.join('; ')}${more}`;
}
