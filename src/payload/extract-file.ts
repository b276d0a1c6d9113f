import type { Stats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { lstat, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { IvaapError } from '../errors.ts';
import { openAtomic, writeError } from '../host/atomic-file.ts';
import { isMountPoint, roomAt } from '../host/mounts.ts';
import { isRoot } from '../host/system.ts';
import { absolutePath } from './absolute-path.ts';
import { type WriteOptions, writeStream } from './write-stream.ts';
import { shellWord } from '../shell-word.ts';

/**
 * A place that a payload file may be written to: a new file, or a regular file that gives its owner and mode
 * to the new one.
 */
export interface ExtractTarget {
  path: string;
  replaces: { uid: number; gid: number; mode: number } | undefined;
}

/** What is written: `sizeBytes` bytes, each proved before it is handed on or written. */
export interface ExtractSource {
  name: string;
  sizeBytes: number;
  mode: number;
  stream: () => AsyncIterable<Buffer>;
  /**
   * For a large file: writes it chunk by chunk and returns the bytes written. Throws as
   * {@link extractToFile}.
   */
  writeChunks?: (output: FileHandle, options: WriteOptions) => Promise<number>;
}

const refusal = (dest: string, why: string, hint: string) =>
  new IvaapError('usage', `${dest} ${why}; nothing was changed`, { hint });

async function statIfThere(path: string, how: typeof lstat | typeof stat): Promise<Stats | undefined> {
  try {
    return await how(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new IvaapError('usage', `${path} cannot be inspected`, {
      hint: `ls -ld ${shellWord(path)}`,
      cause: error,
    });
  }
}

function kindOf(found: Stats): string {
  if (found.isSymbolicLink()) return 'is a link';
  if (found.isFIFO()) return 'is a named pipe';
  if (found.isSocket()) return 'is a socket';
  return 'is a device';
}

/**
 * Looks at DEST and changes nothing. `ourselves` is the running executable, which must not be replaced by one
 * of its parts; `asRoot` is the same command, typed as root.
 * @throws IvaapError `usage` for a folder, a link, a device or a missing folder.
 */
export async function extractTarget(
  dest: string,
  name: string,
  { ourselves, asRoot }: { ourselves: string; asRoot: string },
): Promise<ExtractTarget> {
  if (dest === '')
    throw new IvaapError('usage', 'DEST is empty', { hint: `name a file, e.g. ./${basename(name)}` });
  const path = absolutePath(dest);
  const folder = await statIfThere(dirname(path), stat);
  if (folder === undefined) {
    throw refusal(
      dest,
      `is in the folder ${dirname(path)}, which does not exist`,
      `mkdir -p ${shellWord(dirname(path))}`,
    );
  }
  if (!folder.isDirectory()) {
    throw refusal(
      dest,
      `is in ${dirname(path)}, which is not a folder`,
      `ls -ld ${shellWord(dirname(path))}`,
    );
  }
  const found = await statIfThere(path, lstat);
  if (found?.isDirectory() === true || dest.endsWith('/')) {
    const file = `${path === '/' ? '' : path}/${basename(name)}`;
    throw refusal(dest, 'is a folder', `name the file: ${file}`);
  }
  if (found === undefined) return { path, replaces: undefined };
  if (!found.isFile())
    throw refusal(dest, `${kindOf(found)} and not a regular file`, `ls -l ${shellWord(path)}`);
  const running = await statIfThere(ourselves, stat);
  if (running?.dev === found.dev && running.ino === found.ino) {
    throw refusal(dest, 'is this executable itself', `name another file, e.g. ./${basename(name)}`);
  }
  if (isMountPoint(path))
    throw refusal(dest, 'is a mount point and cannot be replaced', `findmnt ${shellWord(path)}`);
  // Without setuid and its kind: they were given to the content that goes.
  const replaces = { uid: found.uid, gid: found.gid, mode: found.mode & 0o777 };
  if (!isRoot() && found.uid !== process.geteuid?.()) {
    throw refusal(dest, `belongs to user ${found.uid}, who must own the new file as well`, asRoot);
  }
  // The kernel lets a user give a file to groups of their own only.
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  if (!isRoot() && !groups.includes(found.gid)) {
    throw refusal(dest, `belongs to group ${found.gid}, which must own the new file as well`, asRoot);
  }
  return { path, replaces };
}

/** @throws IvaapError `preflight` when the file system of `folder` has less room than `sizeBytes`. */
export async function assertRoom(folder: string, sizeBytes: number): Promise<void> {
  const { freeBytes, mountPoint } = await roomAt(folder);
  if (freeBytes >= sizeBytes) return;
  throw new IvaapError(
    'preflight',
    `${mountPoint} has ${freeBytes} bytes free and ${sizeBytes} are needed; nothing was changed`,
    { hint: `df -h ${shellWord(mountPoint)}` },
  );
}

/**
 * Writes a payload file under a temporary name next to the target, makes it durable and renames it into
 * place. After any failure the temporary file is gone and what lay at the target is as it was.
 * @throws IvaapError `payload` for damage, `failed` for a write that failed, the signal's reason when
 * aborted.
 */
export async function extractToFile(
  source: ExtractSource,
  target: ExtractTarget,
  options: WriteOptions = {},
): Promise<void> {
  const file = await openAtomic(target.path, target.replaces ?? { mode: source.mode });
  try {
    const sizeBytes =
      source.writeChunks === undefined
        ? await writeStream(file.handle, source.stream(), options)
        : await source.writeChunks(file.handle, options);
    if (sizeBytes !== source.sizeBytes) {
      throw new IvaapError('payload', `${source.name} has ${sizeBytes} bytes instead of ${source.sizeBytes}`);
    }
  } catch (error) {
    await file.discard();
    throw writeError(target.path, error);
  }
  await file.commit();
}
