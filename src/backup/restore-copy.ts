import { rolesIn } from '../host/database-sql.ts';
import type { TableRows } from '../host/dump-scan.ts';
import type { Postgres } from '../host/postgres.ts';
import { IvaapError } from '../errors.ts';
import { known } from '../known.ts';
import { restoreFiles } from './dump-files.ts';
import { copyOptions, type DumpWithFolder, fillCopy, type FillOptions, textBeside } from './fill-copy.ts';
import { besideBoth, readMark, writeMark } from './copy-mark.ts';
import { dropDatabase, makeScratch, type ScratchContext } from './scratch-database.ts';

/** A dump that was loaded beside the live database, and found to be as the file has it. */
export interface LoadedCopy {
  /** Of the database. */
  name: string;
  rows: number;
  tables: TableRows[];
  /** As the product's query has it. */
  schemaVersion: number;
  seconds: number;
}

/**
 * Loads a dump into a database beside the live one, for a restore, and proves it row by row. Roles that are
 * missing are made, without any right to log in; those that are there stay as they are. Nothing else is
 * changed. Drops what killed runs have left of this kind, so only under the installer's lock. Throws 'failed'
 * where any of it does not hold, and where its schema has another version than `schemaVersion`; then there is
 * no such database.
 */
export async function loadBeside(
  ctx: ScratchContext,
  dump: DumpWithFolder,
  options: FillOptions & { schemaVersion?: number | undefined },
): Promise<LoadedCopy> {
  const started = performance.now();
  const { signal } = options;
  const like = await copyOptions(ctx, dump, signal);
  await prepareRoles(ctx, dump, signal);
  const name = await makeScratch(ctx, { kind: 'restore', ...like, signal });
  const into = ctx.database.on(name);
  try {
    const { tables, totalRows } = await fillCopy(ctx, { name, into }, dump, options);
    const schemaVersion = await into.schemaVersion(ctx.product.database.schemaVersionQuery, signal);
    if (options.schemaVersion !== undefined && options.schemaVersion !== schemaVersion)
      throw otherSchema(dump.path, schemaVersion, options.schemaVersion);
    await analyze(into, signal);
    await writeMark(ctx, name, signal);
    if (!(await isProved(ctx, name, signal))) throw notMarked(name);
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    return { name, rows: totalRows, tables, schemaVersion, seconds };
  } catch (error) {
    // What failed is the news; the next run drops what this one cannot.
    await dropDatabase(ctx.database, name).catch(() => {});
    throw error;
  }
}

/** A planner that knows no table may be slow for minutes, until autovacuum has come by. It costs no proof. */
async function analyze(database: Postgres, signal: AbortSignal): Promise<void> {
  await known(database.execute('ANALYZE;', { gentle: true, discard: true, signal }));
  signal.throwIfAborted();
}

/** Whether there is such a database, and {@link loadBeside} has come to its end with it. */
export async function isProved(ctx: ScratchContext, name: string, signal?: AbortSignal): Promise<boolean> {
  return (await readMark(ctx, name, signal)) !== undefined;
}

/**
 * The owners in the dump have to be there. Whether all roles can become what they were is tried and taken
 * back: they become it with the change of names, and that must not fail.
 */
async function prepareRoles(ctx: ScratchContext, dump: DumpWithFolder, signal: AbortSignal): Promise<void> {
  const roles = rolesIn((await textBeside(dump, restoreFiles.before)) ?? '');
  if (roles === undefined) return;
  await besideBoth(ctx).execute(`${roles.create}BEGIN;\n${roles.become}ROLLBACK;\n`, {
    discard: true,
    signal,
  });
}

const otherSchema = (path: string, found: number, said: number) =>
  new IvaapError('failed', `${path} has schema version ${found}, and not ${said}`, {
    hint: 'look whether it is the dump that is meant; nothing was stopped',
  });

const notMarked = (name: string) =>
  new IvaapError('failed', `the database did not mark ${name} as complete`, {
    hint: 'run the same command again',
  });
