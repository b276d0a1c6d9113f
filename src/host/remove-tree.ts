import { lstat, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { syncFolder } from './atomic-file.ts';
import { ifMissing } from './if-missing.ts';
import { createRunner } from './runner.ts';

const programs = createRunner();

/**
 * Removes a file or folder, durable when it resolves; nothing to do where there is none. A folder may belong
 * to the database's user, who could put a link in the place of a folder below it while root walks there:
 * coreutils' rm follows none, also then, and enters no other file system.
 */
export async function removeTree(path: string): Promise<void> {
  const info = await lstat(path).catch(ifMissing);
  if (info?.isDirectory() === true) await programs.run(['rm', '-rf', '--one-file-system', '--', path]);
  else await rm(path, { force: true });
  await syncFolder(dirname(path)).catch(ifMissing);
}

/** Removes a folder that is empty; false where it is not, is a mount point or is not there. */
export async function removeEmptyFolder(path: string): Promise<boolean> {
  try {
    await rmdir(path);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOENT', 'ENOTEMPTY', 'EEXIST', 'EBUSY', 'ENOTDIR'].includes(code)) return false;
    throw error;
  }
  await syncFolder(dirname(path)).catch(ifMissing);
  return true;
}
