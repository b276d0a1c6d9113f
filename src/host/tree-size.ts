import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifMissing } from './if-missing.ts';

/**
 * Bytes that a file or a folder with all below it takes on its disk; 0 where there is none. Follows no link.
 */
export async function treeBytes(path: string): Promise<number> {
  try {
    const info = await lstat(path);
    let sum = info.blocks * 512;
    if (info.isDirectory()) for (const name of await readdir(path)) sum += await treeBytes(join(path, name));
    return sum;
  } catch (error) {
    // A database removes files while it runs.
    return ifMissing(error) ?? 0;
  }
}
