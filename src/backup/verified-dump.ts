import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import { foreign } from '../foreign.ts';
import { loadDump } from '../host/database-load.ts';
import { readProperties } from '../host/database-properties.ts';
import { createLine, createLineIn, madeVariable } from '../host/database-sql.ts';
import { databaseSize } from '../host/database-size.ts';
import { countRows, type RowDifference, rowDifferences } from '../host/table-rows.ts';
import { known } from '../known.ts';
import { counted } from '../policy/counted.ts';
import { restoreFiles } from './dump-files.ts';
import type { PgDump } from './dump-record.ts';
import { type ScratchContext, withScratch } from './scratch-database.ts';

/** That a dump was restored, and how it was found to be whole. */
export type Verification = NonNullable<State['verified']>[string];

/** Of a dump: the one that holds for the file as it was written; undefined where it was never restored. */
export function verificationOf(
  state: Pick<State, 'verified'>,
  { path, sha256 }: Pick<PgDump, 'path' | 'sha256'>,
): Verification | undefined {
  const found = state.verified?.[path];
  return found?.sha256 === sha256 ? found : undefined;
}

/** Takes out what is known of these dumps, found whole or not. */
export function forgetVerification(
  draft: Pick<State, 'verified' | 'unverified'>,
  paths: readonly unknown[],
): void {
  const others = <T>(all: Record<string, T> = {}) =>
    Object.fromEntries(Object.entries(all).filter(([path]) => !paths.includes(path)));
  draft.verified = others(draft.verified);
  draft.unverified = others(draft.unverified);
}

/**
 * Restores a dump into a database of its own beside the live one, compares the rows of every table with those
 * in the file, gives it what belongs to the database itself, and drops it. Throws 'failed' where any of it
 * does not hold. The live database is only read.
 */
export async function verifyDump(
  ctx: ScratchContext,
  dump: Pick<PgDump, 'folder' | 'path' | 'sizeBytes' | 'sha256'>,
  { signal, onBytes }: { signal: AbortSignal; onBytes?: (read: number) => void },
): Promise<Verification> {
  const started = performance.now();
  const live = await known(databaseSize(ctx.database, signal));
  const sizeBytes = Math.max(dump.sizeBytes, live.known ? live.value.sizeBytes : 0);
  const create = await createFor(ctx, dump.folder, signal);
  return withScratch(ctx, { kind: 'verify', sizeBytes, create, signal }, async (scratch, name) => {
    const { tables, totalRows } = await loadDump(scratch, dump, {
      gentle: true,
      // The last statements of a dump refresh its views: what an audit writes then is not in the file.
      quiet: true,
      application: name,
      signal,
      ...(onBytes && { onBytes }),
    });
    const names = tables.map(({ table }) => table);
    const differences = rowDifferences(tables, await countRows(scratch, names, signal));
    if (differences.length > 0) throw otherRows(dump.path, differences);
    const after = join(dump.folder, restoreFiles.after);
    if (existsSync(after)) {
      const statements = await readFile(after);
      const variables = { [madeVariable]: name };
      await ctx.database.execute(statements, { variables, application: name, discard: true, signal });
    }
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    const at = ctx.now().toISOString();
    return { at, sha256: dump.sha256, rows: totalRows, seconds, how: 'restored' };
  });
}

/** As the dump's own database was made; as the live one where that is not beside the dump. */
async function createFor({ database }: ScratchContext, folder: string, signal: AbortSignal): Promise<string> {
  const before = join(folder, restoreFiles.before);
  const line = existsSync(before) ? createLineIn(await readFile(before, 'utf8')) : undefined;
  return line ?? createLine(await readProperties(database, signal));
}

function otherRows(path: string, differences: readonly RowDifference[]): IvaapError {
  const texts = differences.slice(0, 3).map(({ table, expected, found }) => {
    const has = found === undefined ? 'is missing' : `has ${counted(found, 'row')} instead of ${expected}`;
    return `${foreign(table)} ${has}`;
  });
  const more = differences.length > 3 ? `; ${differences.length - 3} more tables` : '';
  return new IvaapError('failed', `${path} was restored, but not as it is: ${texts.join('; ')}${more}`, {
    hint: 'take another backup, and keep this file for whoever looks into it',
  });
}
