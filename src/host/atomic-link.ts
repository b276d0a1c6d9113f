import { rename, rm, symlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, unfinished } from './atomic-file.ts';
import { temporaryName } from './temporary-name.ts';
import { writeError } from './write-error.ts';

/**
 * A link that is there with its old target or with its new one at every instant, durable when it resolves.
 */
export async function linkAtomic(path: string, target: string): Promise<void> {
  const folder = dirname(path);
  const temporary = join(folder, temporaryName(path, unfinished));
  try {
    await symlink(target, temporary);
    await rename(temporary, path);
    await syncFolder(folder);
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError(path, error);
  }
}
