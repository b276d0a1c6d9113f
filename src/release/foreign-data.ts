import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ifMissing } from '../host/if-missing.ts';

/** Made with a file system. */
const ofFileSystem = 'lost+found';

/**
 * Paths in a data folder that the database did not write, since they belong to another user than its own,
 * `uid`; of a folder of others only the folder itself. Follows no link. Empty where there is no such folder.
 */
export async function foreignData(folder: string, uid: number): Promise<string[]> {
  const found: string[] = [];
  const walk = async (parent: string): Promise<void> => {
    const entries = await readdir(parent, { withFileTypes: true }).catch((error: unknown) => {
      return ifMissing(error) ?? [];
    });
    for (const entry of entries) {
      const path = join(parent, entry.name);
      if (parent === folder && entry.name === ofFileSystem) continue;
      const info = await lstat(path).catch(ifMissing);
      if (info === undefined) continue;
      if (info.uid !== uid) found.push(path);
      else if (info.isDirectory()) await walk(path);
    }
  };
  await walk(folder);
  return found.sort();
}
