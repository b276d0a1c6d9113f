import type { BigIntStats } from 'node:fs';
import { link, lstat, rename, unlink } from 'node:fs/promises';
import { otherMade } from './write-error.ts';

/** A file as it was when it was looked at: another one, or other content, differs in one of these. */
export type Found = Pick<BigIntStats, 'dev' | 'ino' | 'size' | 'mtimeNs'>;

/** The file under that name, not followed; `null` where there is none. */
export async function foundAt(path: string): Promise<Found | null> {
  try {
    return await lstat(path, { bigint: true });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

/**
 * Gives a complete file its name, in the place of what was found there before and of nothing else. Throws
 * IvaapError `failed` when another process put something there since; `from` stays then.
 */
export async function renameOver(from: string, to: string, found: Found | null): Promise<void> {
  const now = await foundAt(to);
  if (now === null) return renameNew(from, to);
  const same =
    now.dev === found?.dev &&
    now.ino === found.ino &&
    now.size === found.size &&
    now.mtimeNs === found.mtimeNs;
  if (!same) throw otherMade(to);
  await rename(from, to);
}

/** A link, unlike a rename, never replaces what appeared a moment ago. */
async function renameNew(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') throw otherMade(to);
    // File systems without hard links, as vfat, have only the look from before.
    if (!['EPERM', 'EOPNOTSUPP', 'ENOTSUP', 'ENOSYS', 'EMLINK'].includes(code)) throw error;
    return rename(from, to);
  }
  await unlink(from);
}
