import { dirname } from 'node:path';
import { IvaapError } from '../errors.ts';
import { shellWord } from '../shell-word.ts';
import type { Disk } from './disk.ts';

/** Replaces the state file; durable when it resolves. Throws 'failed', and the file is as it was. */
export async function writeState(disk: Disk, path: string, text: string): Promise<void> {
  const folder = dirname(path);
  const temporary = `${path}.partial`;
  try {
    await disk.makeFolder(folder, 0o700);
    await disk.write(temporary, text, 0o600);
    await disk.sync(temporary);
    await disk.rename(temporary, path);
    await disk.sync(folder);
  } catch (error) {
    await disk.remove(temporary).catch(() => undefined);
    throw new IvaapError('failed', `the state file ${path} cannot be written`, {
      cause: error,
      hint:
        `check free space and health of the file system of ${folder} (df -h ` +
        `${shellWord(folder)}), then run the same command again`,
    });
  }
}
