import { createHash } from 'node:crypto';
import { constants, existsSync } from 'node:fs';
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { IvaapError } from '../errors.ts';
import { renameOver, type Found } from './rename-over.ts';
import { temporaryName, writerOf } from './temporary-name.ts';
import { writeError } from './write-error.ts';
import { shellWord } from '../shell-word.ts';

export interface AtomicOptions {
  /** Permission bits of the new file. */
  mode: number;
  uid?: number;
  gid?: number;
  /**
   * Name of the unfinished file, next to the target or anywhere on the same file system. Default: hidden,
   * next to the target.
   */
  temporaryPath?: string;
  /**
   * What was found under the name before, `null` for nothing: whatever another process made there since
   * stays, and the write fails. Without it the file gets its name in any case.
   */
  found?: Found | null;
}

/** A file that appears complete or not at all. Exactly one of `commit` and `discard` must be called. */
export interface AtomicFile {
  handle: FileHandle;
  temporaryPath: string;
  /** Durable under its real name when this resolves. */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** Makes names durable: what was created, renamed or removed in this folder. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Ends the names of files that are being written. */
export const unfinished = 'partial';

/**
 * Unfinished files of writers that died: named after the target and the writer's process id. Whatever else
 * has such a name is not ours, and stays.
 */
export async function removeLeftovers(path: string): Promise<void> {
  for (const name of await readdir(dirname(path))) {
    const pid = writerOf(path, name, unfinished);
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    const leftover = join(dirname(path), name);
    if ((await lstat(leftover).catch(() => undefined))?.isFile() === true)
      await rm(leftover, { force: true });
  }
}

/**
 * Opens a new file that takes the target's place on `commit`. Never follows a link, never reuses an existing
 * file.
 */
export async function openAtomic(path: string, options: AtomicOptions): Promise<AtomicFile> {
  const folder = dirname(path);
  const temporaryPath = options.temporaryPath ?? join(folder, temporaryName(path, unfinished));
  try {
    if (options.temporaryPath === undefined) await removeLeftovers(path);
    else await rm(temporaryPath, { force: true });
    const flags = constants.O_RDWR | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;
    const handle = await open(temporaryPath, flags, 0o600);
    const discard = async () => {
      await handle.close().catch(() => undefined);
      await rm(temporaryPath, { force: true });
    };
    // Before the first byte: who may not give the file away must not find out after the last one.
    if (options.uid !== undefined || options.gid !== undefined) {
      try {
        await handle.chown(options.uid ?? -1, options.gid ?? -1);
      } catch (error) {
        await discard();
        throw ownerError(path, options, error);
      }
    }
    return {
      handle,
      temporaryPath,
      discard,
      commit: async () => {
        try {
          await handle.chmod(options.mode);
          await handle.sync();
          await handle.close();
          if (options.found === undefined) await rename(temporaryPath, path);
          else await renameOver(temporaryPath, path, options.found);
          await syncFolder(folder);
        } catch (error) {
          await discard();
          throw writeError(path, error);
        }
      },
    };
  } catch (error) {
    throw writeError(path, error);
  }
}

/** A new file that cannot be given the owner which it has to have. */
export function ownerError(
  path: string,
  { uid, gid }: { uid?: number; gid?: number },
  cause: unknown,
): IvaapError {
  return new IvaapError(
    'failed',
    `${path} could not be assigned to user ${uid ?? '-'} and group ${gid ?? '-'}; nothing was written`,
    {
      hint: `run the same command as root, or name a new file: ls -ln ${shellWord(path)}`,
      cause,
    },
  );
}

/** Replaces a small file in one instant: after a crash the old content or the new is there, complete. */
export async function writeFileAtomic(
  path: string,
  content: string | Uint8Array,
  options: AtomicOptions,
): Promise<void> {
  const file = await openAtomic(path, options);
  try {
    await file.handle.writeFile(content);
  } catch (error) {
    await file.discard();
    throw writeError(path, error);
  }
  await file.commit();
}

export interface StreamedFile {
  sizeBytes: number;
  /** Hex, of the bytes as written. */
  sha256: string;
}

export interface StreamOptions extends AtomicOptions {
  /**
   * Has the last word before the file gets its name: when it throws, nothing is left and the target is
   * untouched.
   */
  verify?: (written: StreamedFile) => void | Promise<void>;
  signal?: AbortSignal;
  onBytes?: (bytes: number) => void;
}

/** Writes a stream to a file that appears, complete and durable, after `verify` agreed. */
export async function writeStreamAtomic(
  path: string,
  source: AsyncIterable<Uint8Array>,
  options: StreamOptions,
): Promise<StreamedFile> {
  const file = await openAtomic(path, options);
  try {
    const written = await writeStream(file.handle, source, {
      before: () => options.signal?.throwIfAborted(),
      ...(options.onBytes && { onBytes: options.onBytes }),
    });
    options.signal?.throwIfAborted();
    await options.verify?.(written);
    await file.commit();
    return written;
  } catch (error) {
    await file.discard();
    throw writeError(path, error);
  }
}

/** Writes a stream at the handle's own position. `before` sees the length of each chunk, and may throw. */
export async function writeStream(
  handle: FileHandle,
  source: AsyncIterable<Uint8Array>,
  { before, onBytes }: { before?: (bytes: number) => void; onBytes?: (written: number) => void } = {},
): Promise<StreamedFile> {
  const hash = createHash('sha256');
  let sizeBytes = 0;
  for await (const chunk of source) {
    before?.(chunk.byteLength);
    const writing = writeFully(handle, chunk);
    hash.update(chunk); // while the write is under way in another thread
    await writing;
    sizeBytes += chunk.byteLength;
    onBytes?.(sizeBytes);
  }
  return { sizeBytes, sha256: hash.digest('hex') };
}

/** Writes all of a chunk at `position` of the file, or at the handle's own. */
export async function writeFully(handle: FileHandle, chunk: Uint8Array, position?: number): Promise<void> {
  for (let offset = 0; offset < chunk.byteLength;) {
    const at = position === undefined ? null : position + offset;
    const { bytesWritten } = await handle.write(chunk, offset, chunk.byteLength - offset, at);
    offset += bytesWritten;
  }
}

/** Moves a file or folder within one file system, durable when it resolves. */
export async function renameDurable(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
    await syncFolder(dirname(to));
    if (dirname(from) !== dirname(to)) await syncFolder(dirname(from));
  } catch (error) {
    throw writeError(to, error);
  }
}

/** As mkdir -p; returns the first folder that it made. */
async function makeParents(path: string): Promise<string | undefined> {
  try {
    return await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    // Node says ENOENT whatever keeps the first folder from being made.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') await mkdir(firstMissing(path), { mode: 0o755 });
    throw error;
  }
}

function firstMissing(path: string): string {
  const parent = dirname(path);
  return parent === path || existsSync(parent) ? path : firstMissing(parent);
}

/**
 * Makes a folder with exactly these permission bits, and its parents as needed (0755), durable when it
 * resolves.
 */
export async function makeFolder(path: string, mode = 0o755): Promise<void> {
  try {
    const first = await makeParents(path);
    const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW);
    try {
      await handle.chmod(mode);
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (first !== undefined) await syncFolder(dirname(first));
  } catch (error) {
    throw writeError(path, error);
  }
}
