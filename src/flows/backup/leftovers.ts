import { lstatSync } from 'node:fs';
import { readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { isSealed } from '../../backup/backup-folder.ts';
import { backupRecordFile, readBackupRecord } from '../../backup/backup-record.ts';
import { globalsFile, restoreFiles } from '../../backup/dump-files.ts';
import type { PgDump } from '../../backup/dump-record.ts';
import { isThere } from '../../backup/kept-dump.ts';
import { syncFolder, unfinished } from '../../host/atomic-file.ts';
import { writerOf } from '../../host/temporary-name.ts';
import type { Product } from '../../payload/product-schema.ts';
import type { Locked } from './opened.ts';

/**
 * What a killed `backup` has left: the state names its folder from before it was there. A backup that was
 * whole by then is recorded; of any other one our own files go.
 */
export async function removeUnfinished({ session, journal }: Locked): Promise<void> {
  const { product, reporter } = session;
  for (const { folder, name, pgDump } of journal.state.backups ?? []) {
    if (pgDump !== undefined) continue;
    const found = await readBackupRecord(folder, product.name);
    if (found !== undefined && isThere(found.pgDump)) {
      await recordDump(journal, folder, found.pgDump);
      reporter.warn(`the backup ${name} is whole: it is recorded now`);
      continue;
    }
    const gone = await removeOwnFiles(folder, product);
    await journal.update((draft) => {
      draft.backups = (draft.backups ?? []).filter((one) => one.folder !== folder);
    });
    reporter.warn(
      `an unfinished backup was removed: ${folder}${gone ? '' : ', except for what is not ours there'}`,
    );
  }
}

/** The backup in that folder is whole from here on. */
export function recordDump(journal: Locked['journal'], folder: string, pgDump: PgDump): Promise<void> {
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
  const names = [database.dumpFile, ...Object.values(restoreFiles), globalsFile, backupRecordFile];
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
