import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { loadDump } from '../host/database-load.ts';
import { readProperties } from '../host/database-properties.ts';
import { afterLoad, createLine, createLineIn, madeVariable } from '../host/database-sql.ts';
import { databaseSize } from '../host/database-size.ts';
import type { DumpSummary } from '../host/dump-scan.ts';
import type { RecordedFile } from '../host/dump-source.ts';
import type { Postgres } from '../host/postgres.ts';
import { known } from '../known.ts';
import { asThisUser, shellWord } from '../shell-word.ts';
import { restoreFiles } from './dump-files.ts';
import { listedSum } from './restore-script.ts';
import { proveRows } from './row-proof.ts';
import type { ScratchContext, ScratchOptions } from './scratch-database.ts';

/** A dump, and the folder with what belongs to its database and not to its tables, where there is one. */
export type DumpWithFolder = RecordedFile & { folder?: string | undefined; textBytes?: number | undefined };

export interface FillOptions {
  signal: AbortSignal;
  /** Bytes of the file that were read. */
  onBytes?: ((read: number) => void) | undefined;
}

/** How the copy of a dump is made: as the dump's own database was, or as the live one is. */
export async function copyOptions(
  { database }: ScratchContext,
  dump: DumpWithFolder,
  signal: AbortSignal,
): Promise<Pick<ScratchOptions, 'sizeBytes' | 'create'>> {
  const live = await known(databaseSize(database, signal));
  const { size } = await stat(dump.path).catch(() => ({ size: 0 }));
  const line = createLineIn((await textBeside(dump, restoreFiles.before)) ?? '');
  // Before the first byte is loaded: it is run when all of them are.
  await textBeside(dump, restoreFiles.after);
  return {
    sizeBytes: Math.max(dump.textBytes ?? dump.sizeBytes ?? size, live.known ? live.value.sizeBytes : 0),
    create: line ?? createLine(await readProperties(database, signal)),
  };
}

/**
 * Loads a dump into an empty database that was made for it, gives that one what belongs to the database
 * itself, and compares every row with the file. Returns what is in it. Throws 'failed' where any of it does
 * not hold. The live database is only read.
 */
export async function fillCopy(
  ctx: ScratchContext,
  { name, into }: { name: string; into: Postgres },
  dump: DumpWithFolder,
  { signal, onBytes }: FillOptions,
): Promise<DumpSummary> {
  const summary = await loadDump(into, dump, {
    gentle: true,
    // The last statements of a dump refresh its views: what an audit writes then is not in the file.
    quiet: true,
    application: name,
    signal,
    ...(onBytes && { onBytes }),
  });
  const after =
    (await textBeside(dump, restoreFiles.after)) ??
    // A file alone: it takes the place of the live one.
    (dump.folder === undefined ? afterLoad(await readProperties(ctx.database, signal)) : undefined);
  if (after !== undefined) {
    const variables = { [madeVariable]: name };
    await ctx.database.execute(after, { variables, application: name, discard: true, signal });
  }
  // With its settings: how COPY writes a value may depend on them.
  await proveRows(into, dump.path, summary, signal);
  return summary;
}

/**
 * A file of SQL that was written with the dump: it is run on the live server, so it has to be as it was
 * written, which the script beside it says. Undefined where the dump has no folder, or was written without
 * such a file. Throws 'failed' for one that is missing, was changed, or is in no list.
 */
export async function textBeside({ folder }: DumpWithFolder, name: string): Promise<string | undefined> {
  if (folder === undefined) return undefined;
  const path = join(folder, name);
  const [text, script] = await Promise.all([textOf(path), textOf(join(folder, restoreFiles.script))]);
  const listed = script === undefined ? undefined : listedSum(script, name);
  if (text === undefined && listed === undefined) return undefined;
  const wrong =
    text === undefined
      ? 'is missing'
      : listed === undefined
        ? `has no sum in ${restoreFiles.script} beside it: nothing says that it belongs to the dump`
        : createHash('sha256').update(text).digest('hex') === listed
          ? undefined
          : `has changed since it was written: its SHA-256 is not ${listed}`;
  if (wrong === undefined) return text;
  throw new IvaapError('failed', `${path}, which belongs to the dump, ${wrong}`, {
    hint: asThisUser(`ls -l ${shellWord(folder)}`),
  });
}

const textOf = (path: string): Promise<string | undefined> =>
  readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
