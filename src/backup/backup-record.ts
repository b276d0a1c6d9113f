import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { readRegularText } from '../host/regular-file.ts';
import { keepFile } from './backup-folder.ts';
import { pgDumpSchema } from './dump-record.ts';

/**
 * In a backup's folder, once all of it is there: what the state has of it, too. It proves the folder ours
 * where the state is lost.
 */
export const backupRecordFile = 'backup.json';

export const backupRecordSchema = z.looseObject({
  product: z.string(),
  name: z.string(),
  at: z.string(),
  by: z.string().optional(),
  version: z.string().nullable(),
  /** STEP of the rollback that took it; absent: by hand. */
  rollbackTo: z.string().optional(),
  /** A rehearsal took it; absent: an operator did, or an older program. */
  rehearsal: z.boolean().optional(),
  pgDump: pgDumpSchema,
});

export type BackupRecord = z.infer<typeof backupRecordSchema>;

/** Writes the record of a dump that is whole, into its folder. */
export const keepBackupRecord = (record: BackupRecord): Promise<string> =>
  keepFile(record.pgDump.folder, backupRecordFile, `${JSON.stringify(record, null, 2)}\n`);

/** Undefined where there is none of this product that can be read, or it tells of another folder. */
export async function readBackupRecord(folder: string, product: string): Promise<BackupRecord | undefined> {
  try {
    if (!(await lstat(folder)).isDirectory()) return undefined;
    const text = await readRegularText(join(folder, backupRecordFile));
    const found = backupRecordSchema.parse(JSON.parse(text));
    return found.product === product && found.pgDump.folder === folder ? found : undefined;
  } catch {
    return undefined;
  }
}

/** As a run names the folder of its backup. */
const ownName = /^\d{8}T\d{6}Z(-\d+)?$/;

/** Whether a folder among the backups is one of ours: named by a run, or by a record in it. */
const isBackup = async (folder: string, product: string): Promise<boolean> =>
  ownName.test(basename(folder)) || (await readBackupRecord(folder, product)) !== undefined;

/**
 * Names in the folder of the backups, in their order; none where it is not there. Throws where it cannot be
 * listed: what it holds would be taken for nothing.
 */
export async function backupNames(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw error;
  });
  return names.sort();
}

/** Names of our backups, and what lies among them and is none. Throws as `backupNames` does. */
export async function backupsIn(
  folder: string,
  product: string,
): Promise<{ names: string[]; others: string[] }> {
  const names: string[] = [];
  const others: string[] = [];
  for (const name of await backupNames(folder))
    ((await isBackup(join(folder, name), product)) ? names : others).push(name);
  return { names, others };
}
