import type { Stats } from 'node:fs';
import { chmod, lchown, lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { renameDurable } from './atomic-file.ts';
import { copyTreeDurable } from './copy-tree.ts';
import { shellWord } from '../shell-word.ts';
import { ifMissing } from './if-missing.ts';
import { removeTree } from './remove-tree.ts';

/**
 * Moves a file or folder, also to another disk: it is at its new place, complete and durable, before it is
 * gone from the old one. Nothing is done where it is not there any more; one that was cut off between both is
 * ended. Throws `failed` where something else lies at the new place: both stay.
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
  await endCopy(from, to);
  await removeTree(from);
}

/**
 * Gives a copy owners and the modes of folders, which Node's own leaves behind: that of a sealed backup says
 * something. Throws `failed` for what is no copy.
 */
async function endCopy(from: string, to: string): Promise<void> {
  const [info, copied] = [await lstat(from), await lstat(to).catch(ifMissing)];
  if (copied === undefined || !isCopy(info, copied)) {
    throw new IvaapError('failed', `${to} is not a copy of ${from}, which is to be moved there`, {
      hint: `ls -ld ${shellWord(from)} ${shellWord(to)}; then give one of them another name`,
    });
  }
  if (info.isDirectory())
    for (const name of await readdir(from)) await endCopy(join(from, name), join(to, name));
  await lchown(to, info.uid, info.gid);
  if (!info.isSymbolicLink()) await chmod(to, info.mode & 0o7777);
}

const isCopy = (one: Stats, other: Stats): boolean =>
  one.isFile() ? other.isFile() && one.size === other.size : one.isDirectory() === other.isDirectory();
