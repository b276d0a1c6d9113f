import { constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, rmdir, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { ownerError, syncFolder } from '../host/atomic-file.ts';
import { isMountPoint } from '../host/mounts.ts';
import { temporaryName, writerOf } from '../host/temporary-name.ts';
import { otherMade, writeError } from '../host/write-error.ts';
import { absolutePath } from './absolute-path.ts';
import type { ExtractSource } from './extract-file.ts';
import { barred, extractToFile, ownerAndMode, statIfThere } from './extract-file.ts';
import type { WriteOptions } from './write-stream.ts';
import { shellWord } from '../shell-word.ts';

/** A folder that a tree may be extracted to: absent, or empty. */
export interface TreeTarget {
  path: string;
  /** Where the tree is written until it is complete. */
  temporary: string;
  replaces: { uid: number; gid: number; mode: number } | undefined;
}

const refusal = (dir: string, why: string, hint: string) =>
  new IvaapError('usage', `${dir} ${why}; nothing was changed`, { hint });

const growing = 'extracting';

/** Whether a name inside a mount point is not the operator's: the file system's own, or of a growing tree. */
const isOurs = (path: string, name: string) =>
  name === 'lost+found' || writerOf(path, name, growing) !== undefined;

/**
 * Looks at DIR and changes nothing. @throws IvaapError `usage` when it is not empty, no folder, or has no
 * parent.
 */
export async function treeTarget(dir: string): Promise<TreeTarget> {
  if (dir === '') throw refusal('DIR', 'is empty', 'name a new folder, e.g. ./stage');
  const path = absolutePath(dir);
  const parent = dirname(path);
  const parentInfo = await statIfThere(parent, stat);
  if (parentInfo?.isDirectory() !== true) {
    throw refusal(dir, `is in ${parent}, which is not a folder`, `mkdir -p ${shellWord(parent)}`);
  }
  const found = await statIfThere(path, lstat);
  const temporary = temporaryName(path, growing);
  if (found === undefined) return { path, temporary: join(parent, temporary), replaces: undefined };
  const elsewhere = `name a new folder, e.g. ${path}-new`;
  if (!found.isDirectory()) throw refusal(dir, 'exists and is not a folder', elsewhere);
  // A mount point cannot be renamed over, also one of the same file system: there the tree grows inside.
  const inside = isMountPoint(path);
  const names = await readdir(path).catch((error: NodeJS.ErrnoException) => {
    throw barred(path, error.code ?? '', error);
  });
  if (names.some((name) => !(inside && isOurs(path, name)))) throw refusal(dir, 'is not empty', elsewhere);
  return { path, temporary: join(inside ? path : parent, temporary), replaces: ownerAndMode(found) };
}

/**
 * A folder of our own while it is written: reached by its descriptor, so that nobody who may rename it can
 * lead us elsewhere.
 */
interface OwnFolder {
  handle: FileHandle;
  /** Path that leads to the opened folder, whatever its name leads to now. */
  at: string;
}

/**
 * Opens a folder that we have made. Throws IvaapError `failed` for one of another user's, or a link in its
 * place.
 */
async function openOwn(path: string): Promise<OwnFolder> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
  if ((await handle.stat()).uid === process.geteuid?.()) return { handle, at: `/proc/self/fd/${handle.fd}` };
  await handle.close();
  throw new IvaapError('failed', `${path} was created by somebody else`, {
    hint: `ls -ld ${shellWord(path)}`,
  });
}

/** Removes a folder of ours with all in it; what somebody else put in its place stays. */
async function removeOwn(path: string, { handle, at }: OwnFolder): Promise<void> {
  for (const name of await readdir(at)) await rm(join(at, name), { recursive: true, force: true });
  await handle.close();
  await rmdir(path).catch(() => undefined);
}

/** Trees of extractions that died: named after the target and the process. */
async function removeLeftovers(target: TreeTarget): Promise<void> {
  for (const name of await readdir(dirname(target.temporary))) {
    const pid = writerOf(target.path, name, growing);
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const path = join(dirname(target.temporary), name);
    const own = await openOwn(path).catch(() => undefined);
    // Whoever else clears it away at the same time may be faster.
    if (own !== undefined) await removeOwn(path, own).catch(() => undefined);
  }
}

/**
 * Throws IvaapError `failed` when the folder's name leads to another one by now: that one must not get the
 * tree's name.
 */
async function assertInItsPlace(path: string, handle: FileHandle): Promise<void> {
  const [named, own] = await Promise.all([lstat(path).catch(() => undefined), handle.stat()]);
  if (named?.dev === own.dev && named.ino === own.ino) return;
  throw new IvaapError('failed', `${path} was moved by somebody else while it was written`, {
    hint: `choose a folder that only you can change: ls -ld ${shellWord(dirname(path))}`,
  });
}

/**
 * Tries the owner that the tree is to have in the end, while nothing is written yet; until then it stays ours
 * alone.
 */
async function assertCanGiveAway(
  { path, temporary, replaces }: TreeTarget,
  { handle }: OwnFolder,
): Promise<void> {
  if (replaces === undefined || dirname(temporary) === path) return;
  const { uid, gid } = await handle.stat();
  try {
    await handle.chown(replaces.uid, replaces.gid);
    await handle.chown(uid, gid);
  } catch (error) {
    throw ownerError(path, replaces, error);
  }
}

async function putInPlace(target: TreeTarget, { handle, at }: OwnFolder): Promise<void> {
  const { path, temporary, replaces } = target;
  await assertInItsPlace(temporary, handle);
  if (dirname(temporary) === path) return putInMount(target, at);
  if (replaces !== undefined) await handle.chown(replaces.uid, replaces.gid);
  await handle.chmod(replaces?.mode ?? treeMode);
  await rename(temporary, path).catch((error: NodeJS.ErrnoException) => {
    throw ['ENOTEMPTY', 'EEXIST', 'ENOTDIR'].includes(error.code ?? '') ? otherMade(path) : error;
  });
  await syncFolder(dirname(path));
}

/**
 * Moves what the tree holds into the mount point, all of it or nothing. Folders come first, in one order for
 * everybody: of two trees that come at once one fails at the first folder of the other, before any file.
 */
async function putInMount({ path, temporary }: TreeTarget, at: string): Promise<void> {
  if ((await readdir(path)).some((name) => !isOurs(path, name))) throw otherMade(path);
  const entries = await readdir(at, { withFileTypes: true });
  entries.sort((a, b) => Number(b.isDirectory()) - Number(a.isDirectory()) || (a.name < b.name ? -1 : 1));
  const placed: string[] = [];
  try {
    for (const { name } of entries) {
      const to = join(path, name);
      if ((await lstat(to).catch(() => undefined)) !== undefined) throw otherMade(path);
      await rename(join(at, name), to);
      placed.push(name);
    }
  } catch (error) {
    for (const name of placed) await rename(join(path, name), join(at, name)).catch(() => undefined);
    throw error;
  }
  await rmdir(temporary);
  await syncFolder(path);
}

const treeMode = 0o755;

/**
 * Writes files, named by their path inside the tree, to a folder that appears complete and durable under its
 * name or not at all.
 * @throws IvaapError as {@link extractToFile}; nothing is left behind then.
 */
export async function extractTree(
  files: readonly ExtractSource[],
  target: TreeTarget,
  options: WriteOptions & { onFile?: (name: string) => void } = {},
): Promise<void> {
  let own: OwnFolder | undefined;
  try {
    await removeLeftovers(target);
    await mkdir(target.temporary, { mode: 0o700 });
    own = await openOwn(target.temporary);
    await assertCanGiveAway(target, own);
    let before = 0;
    for (const file of files) {
      options.onFile?.(file.name);
      const path = join(own.at, file.name);
      await mkdir(dirname(path), { recursive: true, mode: treeMode });
      const done = before;
      await extractToFile(
        file,
        { path, replaces: undefined },
        {
          signal: options.signal,
          onBytes: (bytes) => options.onBytes?.(done + bytes),
        },
      );
      before += file.sizeBytes;
    }
    await putInPlace(target, own);
    await own.handle.close();
  } catch (error) {
    if (own !== undefined) await removeOwn(target.temporary, own);
    throw writeError(target.path, explained(error, target, own));
  }
}

/** An error of a single file names it by its place in the tree, not by the descriptor that led there. */
function explained(error: unknown, { path }: TreeTarget, own: OwnFolder | undefined): unknown {
  if (own === undefined || !(error instanceof IvaapError) || !error.message.includes(own.at)) return error;
  return error.with({
    message: error.message.replaceAll(own.at, path),
    hint: error.hint?.replaceAll(own.at, path),
  });
}
