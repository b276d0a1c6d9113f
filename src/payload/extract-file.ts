import type { BigIntStats } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { lstat, stat } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { IvaapError } from '../errors.ts';
import { openAtomic } from '../host/atomic-file.ts';
import { isMountPoint, isReadOnly, readOnlyFix, roomAt } from '../host/mounts.ts';
import type { Found } from '../host/rename-over.ts';
import { isRoot } from '../host/system.ts';
import { pathFault, writeError } from '../host/write-error.ts';
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
  /** What was there when it was looked at, `null` for nothing: only that is replaced. */
  found?: Found | null;
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

/**
 * What is at a path that was typed; undefined for nothing. Throws IvaapError `usage` when the way there is
 * barred.
 */
export async function statIfThere(
  path: string,
  how: typeof lstat | typeof stat,
): Promise<BigIntStats | undefined> {
  try {
    return await how(path, { bigint: true });
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw barred(path, code, error);
  }
}

/** A typed path that cannot be looked at, with the cause. */
export function barred(path: string, code: string, cause: unknown): IvaapError {
  const fault = pathFault(path, code) ?? {
    message: `${path} cannot be inspected`,
    hint: `ls -ld ${shellWord(path)}`,
  };
  return new IvaapError('usage', `${fault.message}; nothing was changed`, { hint: fault.hint, cause });
}

function kindOf(found: BigIntStats): string {
  if (found.isSymbolicLink()) return 'is a link';
  if (found.isFIFO()) return 'is a named pipe';
  if (found.isSocket()) return 'is a socket';
  return 'is a device';
}

/** Without setuid and its kind: they were given to the content that goes. */
export const ownerAndMode = ({ uid, gid, mode }: BigIntStats) => ({
  uid: Number(uid),
  gid: Number(gid),
  mode: Number(mode) & 0o777,
});

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
  if (found === undefined) return { path, replaces: undefined, found: null };
  if (!found.isFile())
    throw refusal(dest, `${kindOf(found)} and not a regular file`, `ls -l ${shellWord(path)}`);
  const running = await statIfThere(ourselves, stat);
  if (running?.dev === found.dev && running.ino === found.ino) {
    throw refusal(dest, 'is this executable itself', `name another file, e.g. ./${basename(name)}`);
  }
  if (isMountPoint(path))
    throw refusal(dest, 'is a mount point and cannot be replaced', `findmnt ${shellWord(path)}`);
  const replaces = ownerAndMode(found);
  const { uid, gid } = replaces;
  if (!isRoot() && uid !== process.geteuid?.()) {
    throw refusal(dest, `belongs to user ${uid}, who must own the new file as well`, asRoot);
  }
  // The kernel lets a user give a file to groups of their own only.
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  if (!isRoot() && !groups.includes(gid)) {
    throw refusal(dest, `belongs to group ${gid}, which must own the new file as well`, asRoot);
  }
  return { path, replaces, found };
}

/**
 * @throws IvaapError `preflight` when the file system of `folder` is read-only or has less room than
 * `sizeBytes`.
 */
export async function assertRoom(folder: string, sizeBytes: number): Promise<void> {
  const { freeBytes, mountPoint } = await roomAt(folder);
  // First: an image of a disc has no free byte either.
  if (isReadOnly(folder)) {
    throw new IvaapError('preflight', `${mountPoint} is mounted read-only; nothing was changed`, {
      hint: readOnlyFix(mountPoint),
    });
  }
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
  const { path, replaces, found } = target;
  const file = await openAtomic(path, { ...(replaces ?? { mode: source.mode }), found });
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
    throw writeError(path, error);
  }
  await file.commit();
}
