import { lstat, readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { backupNames } from '../backup/backup-record.ts';
import type { State } from '../engine/state.ts';
import { ownerOf, readStateOf } from '../engine/whose-state.ts';
import { causeChain } from '../errors.ts';
import type { OpenedPayload } from '../session/opened-payload.ts';

export interface Backup {
  folder: string;
  files: string[];
  /** Why its files are unknown: it is not a folder, or cannot be read. */
  trouble?: string;
}

/** The backups, oldest first; an unreadable entry hides none of the others. */
export async function listBackups(folder: string): Promise<Backup[]> {
  const names = await backupNames(folder);
  return Promise.all(
    names.map(async (name) => {
      const path = join(folder, name);
      try {
        if (!(await lstat(path)).isDirectory()) return { folder: path, files: [], trouble: 'no folder' };
        return { folder: path, files: (await readdir(path)).sort() };
      } catch (error) {
        return { folder: path, files: [], trouble: causeChain(error)[0] ?? 'it cannot be read' };
      }
    }),
  );
}

/**
 * A copy of the state from the middle of the run that made the backup: it does not show how that run ended.
 */
export interface StateCopy {
  folder: string;
  state: State;
}

/** The copies that can be read and are this product's, newest first. */
export async function stateCopies(
  { paths, product }: Pick<OpenedPayload, 'paths' | 'product'>,
  backups: readonly Backup[],
): Promise<StateCopy[]> {
  const name = basename(paths.state);
  const copies: StateCopy[] = [];
  for (const { folder, files } of backups.toReversed()) {
    if (!files.includes(name)) continue;
    const path = join(folder, name);
    try {
      const state = await readStateOf(ownerOf(product), path);
      if (state !== undefined) copies.push({ folder, state });
    } catch {
      // Damaged, or of another product: the others may be readable.
    }
  }
  return copies;
}
