import { constants, existsSync } from 'node:fs';
import { cp, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { shellWord } from '../shell-word.ts';
import { renameDurable, syncFolder } from './atomic-file.ts';
import { removeTree } from './remove-tree.ts';
import { writeError } from './write-error.ts';

/**
 * Makes what is below a folder durable: every file, then every folder. Links are names and need their folder
 * only.
 */
export async function syncTree(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await syncTree(path);
    else if (entry.isFile()) await syncFile(path);
  }
  await syncFolder(folder);
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  await handle.sync().finally(() => handle.close());
}

/**
 * Copies a file or folder to a place that does not exist yet; `to` appears complete and durable or not at
 * all.
 */
export async function copyTreeDurable(from: string, to: string): Promise<void> {
  if (existsSync(to))
    throw new IvaapError('failed', `${to} already exists`, { hint: `ls -ld ${shellWord(to)}` });
  const temporary = `${to}.partial`;
  try {
    await removeTree(temporary);
    await cp(from, temporary, {
      recursive: true,
      verbatimSymlinks: true,
      preserveTimestamps: true,
      errorOnExist: true,
      force: false,
    });
    await ((await lstat(temporary)).isDirectory() ? syncTree(temporary) : syncFile(temporary));
    await renameDurable(temporary, to);
  } catch (error) {
    await removeTree(temporary);
    throw writeError(to, error);
  }
}
