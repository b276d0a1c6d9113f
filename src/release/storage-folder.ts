import { lstat, readdir, readlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { IvaapError } from '../errors.ts';
import { assertOutlivesK3s } from '../host/k3s-own-folders.ts';
import { liesIn, type Room, roomAt } from '../host/mounts.ts';
import { assertSafePath } from '../host/safe-path.ts';
import type { Product } from '../payload/product-schema.ts';
import { isBelow } from '../host/below.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { shellWord } from '../shell-word.ts';

type Stored = Pick<Product, 'database' | 'requirements'>;

/** Where the product's data does not say it: PostgreSQL's log alone may take a gibibyte. */
const usualBytes = 1024 ** 3;

/** Least free room for a new database. */
export const newDatabaseBytes = ({ volume }: Product['database']): number => volume.freeBytes ?? usualBytes;

/**
 * Whether a new database may be put into a folder: nothing of others lies there, none but root can change
 * what it is, and it is apart from what the installer writes and removes (`managed`). Throws `usage` for what
 * is no folder or not apart, `preflight` for one that is used or unsafe.
 */
export async function assertStorageFolder(path: string, managed: readonly string[]): Promise<void> {
  const named = `the database's folder ${path}`;
  const refuse = (code: 'usage' | 'preflight', what: string, hint: string, cause?: unknown) =>
    new IvaapError(code, `${named} ${what}`, { hint, cause });
  const shared = managed.find((one) => liesIn(path, one) || liesIn(one, path));
  if (shared !== undefined) {
    const where = path === shared ? 'is' : liesIn(path, shared) ? 'lies in' : 'has in it';
    const what = `${where} ${shared}, which the installer writes, replaces and removes`;
    throw refuse('usage', what, 'name a folder of its own: --storage-path FOLDER');
  }
  const look = `ls -ld ${shellWord(path)}`;
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw refuse('usage', 'cannot be used', `ls -ld ${shellWord(dirname(path))}`, error);
  });
  if (found?.isSymbolicLink() === true) {
    const target = await readlink(path);
    throw refuse('usage', `is a link to ${target}: name the folder itself`, look);
  }
  if (found !== undefined && !found.isDirectory()) throw refuse('usage', 'is not a folder', look);
  if (found !== undefined && (await readdir(path)).length > 0) {
    const what = 'is not empty: it may hold the data of an earlier installation';
    throw refuse('preflight', what, `ls -la ${shellWord(path)}`);
  }
  assertOutlivesK3s(path, { what: named, hint: 'name a folder of its own: --storage-path FOLDER' });
  await assertSafePath(dirname(path), { mayBeMissing: true, isChosen: true });
}

/** What the database's file system needs, and has, before a new database is put there. */
async function storageRoom(
  path: string,
  { database, requirements }: Stored,
): Promise<Room & { neededBytes: number }> {
  const room = await roomAt(path);
  const below = requirements.install.room.filter((need) => isBelow(path, need.path));
  const neededBytes = Math.max(newDatabaseBytes(database), ...below.map(({ freeBytes }) => freeBytes));
  return { ...room, neededBytes };
}

/** Throws `preflight` for a disk that is too full for a new database. */
export async function assertStorageRoom(path: string, product: Stored): Promise<void> {
  const { freeBytes, neededBytes, mountPoint } = await storageRoom(path, product);
  if (freeBytes >= neededBytes) return;
  throw new IvaapError(
    'preflight',
    `the disk of the database's folder ${path} has ${formatBytes(freeBytes)} free ` +
      `(${mountPoint}); ${formatBytes(neededBytes)} needed`,
    { hint: `df -h ${shellWord(mountPoint)}` },
  );
}
