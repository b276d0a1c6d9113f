import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, chown, lstat, mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { IvaapError } from '../errors.ts';
import { syncFolder, writeError } from '../host/atomic-file.ts';
import type { ExtractOptions, ExtractSource } from './extract-file.ts';
import { extractToFile } from './extract-file.ts';

/** A folder that a tree may be extracted to: absent, or empty. */
export interface TreeTarget {
  path: string;
  /** Where the tree grows until it is whole. */
  temporary: string;
  replaces: { uid: number; gid: number; mode: number } | undefined;
}

const refusal = (dir: string, why: string, hint: string) =>
  new IvaapError('usage', `${dir} ${why}; nothing was changed`, { hint });

const temporaryName = (path: string) =>
  `.${basename(path)}.${process.pid}-${randomBytes(4).toString('hex')}.extracting`;

/** Looks at DIR and changes nothing. @throws IvaapError `usage` when it is not empty, no folder, or has no parent. */
export async function treeTarget(dir: string): Promise<TreeTarget> {
  const path = resolve(dir);
  const parent = dirname(path);
  const parentInfo = await stat(parent).catch(() => undefined);
  if (parentInfo?.isDirectory() !== true) {
    throw refusal(dir, `lies in ${parent}, which is no folder`, `mkdir -p ${parent}`);
  }
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined) {
    return { path, temporary: join(parent, temporaryName(path)), replaces: undefined };
  }
  const elsewhere = `name a new folder, e.g. ${path}-new`;
  if (!found.isDirectory()) throw refusal(dir, 'is there and is no folder', elsewhere);
  if ((await readdir(path)).length > 0) throw refusal(dir, 'is not empty', elsewhere);
  const replaces = { uid: found.uid, gid: found.gid, mode: found.mode & 0o7777 };
  // A mount point cannot be renamed over: there the tree grows inside.
  const inside = found.dev !== parentInfo.dev;
  return { path, temporary: join(inside ? path : parent, temporaryName(path)), replaces };
}

/** Trees of extractions that died: named after the target and the process. */
async function removeLeftovers(target: TreeTarget): Promise<void> {
  const prefix = `.${basename(target.path)}.`;
  for (const name of await readdir(dirname(target.temporary))) {
    if (!name.startsWith(prefix)) continue;
    const pid = /^(\d+)-[0-9a-f]{8}\.extracting$/.exec(name.slice(prefix.length))?.[1];
    if (pid === undefined || existsSync(`/proc/${pid}`)) continue;
    await rm(join(dirname(target.temporary), name), { recursive: true, force: true });
  }
}

async function putInPlace({ path, temporary, replaces }: TreeTarget): Promise<void> {
  if (dirname(temporary) === path) {
    for (const name of await readdir(temporary)) await rename(join(temporary, name), join(path, name));
    await rm(temporary, { recursive: true });
    await syncFolder(path);
    return;
  }
  if (replaces !== undefined) {
    await chown(temporary, replaces.uid, replaces.gid);
    await chmod(temporary, replaces.mode);
  }
  await rename(temporary, path);
  await syncFolder(dirname(path));
}

/**
 * Writes files, named by their path inside the tree, to a folder that appears whole and durable under its name or not at all.
 * @throws IvaapError as {@link extractToFile}; nothing is left behind then.
 */
export async function extractTree(
  files: readonly (Omit<ExtractSource, 'stream'> & { stream: () => AsyncIterable<Buffer> })[],
  target: TreeTarget,
  options: ExtractOptions & { onFile?: (name: string) => void } = {},
): Promise<void> {
  try {
    await removeLeftovers(target);
    await mkdir(target.temporary, { mode: 0o755 });
    let before = 0;
    for (const file of files) {
      options.onFile?.(file.name);
      const path = join(target.temporary, file.name);
      await mkdir(dirname(path), { recursive: true, mode: 0o755 });
      const done = before;
      await extractToFile(
        { ...file, stream: file.stream() },
        { path, replaces: undefined },
        {
          ...(options.signal === undefined ? {} : { signal: options.signal }),
          onBytes: (bytes) => options.onBytes?.(done + bytes),
        },
      );
      before += file.sizeBytes;
    }
    await putInPlace(target);
  } catch (error) {
    await rm(target.temporary, { recursive: true, force: true });
    throw writeError(target.path, error);
  }
}
