import { chmod, lstat, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { copyTreeDurable, renameDurable, syncFolder } from './atomic-file.ts';
import { ifMissing } from './if-missing.ts';

/**
 * Moves a file or folder, also to another disk: it is at its new place, complete and durable, before it is
 * gone from the old one. Nothing is done where it is not there any more; one that was cut off between both is
 * ended.
 */
export async function moveTree(from: string, to: string): Promise<void> {
  if ((await lstat(from).catch(ifMissing)) === undefined) return;
  if ((await lstat(to).catch(ifMissing)) === undefined) {
    try {
      return await renameDurable(from, to);
    } catch (error) {
      const { code } = (error instanceof IvaapError ? error.cause : error) as NodeJS.ErrnoException;
      if (code !== 'EXDEV') throw error;
    }
    await copyTreeDurable(from, to);
  }
  await copyFolderModes(from, to);
  await removeTree(from);
}

/** Node's copy gives folders the usual mode: that of a sealed backup says something. */
async function copyFolderModes(from: string, to: string): Promise<void> {
  const info = await lstat(from);
  if (!info.isDirectory()) return;
  for (const name of await readdir(from)) await copyFolderModes(join(from, name), join(to, name));
  await chmod(to, info.mode & 0o7777);
}

/** Removes a file or folder, durable when it resolves. Follows no link; nothing to do where there is none. */
export async function removeTree(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
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
