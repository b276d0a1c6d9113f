import { lstatSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Journal } from '../engine/journal.ts';
import { syncFolder, unfinished } from '../host/atomic-file.ts';
import { packedSuffix } from '../host/packed-file.ts';
import { writerOf } from '../host/temporary-name.ts';
import type { Product } from '../payload/product-schema.ts';
import { isSealed } from './backup-folder.ts';
import { backupRecordFile, readBackupRecord } from './backup-record.ts';
import { globalsFile, restoreFiles } from './dump-files.ts';
import type { PgDump } from './dump-record.ts';
import { isThere } from './kept-dump.ts';

/**
 * What a killed `backup` or rehearsal has left: the state names its folder from before it was there. A backup
 * that was whole by then is recorded; of any other one our own files go. `warn` shows a line.
 */
export async function removeUnfinished(
  product: Pick<Product, 'name' | 'database'>,
  journal: Pick<Journal, 'state' | 'update'>,
  warn: (line: string) => void,
): Promise<void> {
  for (const { folder, name, pgDump } of journal.state.backups ?? []) {
    if (pgDump !== undefined) continue;
    const found = await readBackupRecord(folder, product.name);
    if (found !== undefined && isThere(found.pgDump)) {
      await recordDump(journal, folder, found.pgDump);
      warn(`the backup ${name} is whole: it is recorded now`);
      continue;
    }
    const gone = await removeOwnFiles(folder, product);
    await journal.update((draft) => {
      draft.backups = (draft.backups ?? []).filter((one) => one.folder !== folder);
    });
    warn(`an unfinished backup was removed: ${folder}${gone ? '' : ', except for what is not ours there'}`);
  }
}

/** The backup in that folder is whole from here on. */
export function recordDump(journal: Pick<Journal, 'update'>, folder: string, pgDump: PgDump): Promise<void> {
  return journal.update((draft) => {
    for (const one of draft.backups ?? []) if (one.folder === folder) one.pgDump = { ...pgDump };
  });
}

/**
 * Removes what a backup writes, by its names, and the folder if nothing else is in it. Never follows a link.
 * Returns whether the folder is gone.
 */
export async function removeOwnFiles(
  folder: string,
  { database }: Pick<Product, 'database'>,
): Promise<boolean> {
  const info = lstatSync(folder, { throwIfNoEntry: false });
  if (info === undefined) return true;
  if (!info.isDirectory() || isSealed(folder)) return false;
  // The record last: it proves the folder ours as long as anything is in it.
  const dumps = ['', ...Object.values(packedSuffix)].map((suffix) => database.dumpFile + suffix);
  const names = [...dumps, ...Object.values(restoreFiles), globalsFile, backupRecordFile];
  for (const name of names) {
    for (const one of await readdir(folder)) {
      // Nobody writes there while we hold the lock.
      const isPart =
        one === `${name}.${unfinished}` || writerOf(join(folder, name), one, unfinished) !== undefined;
      if (one === name || isPart) await rm(join(folder, one), { force: true });
    }
  }
  try {
    await rmdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTEMPTY') return false;
    throw error;
  }
  await syncFolder(dirname(folder));
  return true;
}
