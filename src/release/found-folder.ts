import { chmod, chown, lstat } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import type { JsonObject } from '../engine/step.ts';
import { makeFolder } from '../host/atomic-file.ts';
import { removeEmptyFolder } from '../host/remove-tree.ts';

/**
 * How an install found the place of the data folder: the folder itself with its owner and mode, or the
 * nearest parent that was there.
 */
export const foundFolderSchema = z.object({
  path: z.string(),
  uid: z.int(),
  gid: z.int(),
  mode: z.int(),
});

export type FoundFolder = z.infer<typeof foundFolderSchema>;

/** The path, or its nearest parent that is there now. */
export async function lookForFolder(path: string): Promise<FoundFolder> {
  for (let current = path; ; current = dirname(current)) {
    const info = await lstat(current).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    if (info !== undefined || current === dirname(current)) {
      const { uid = 0, gid = 0, mode = 0o755 } = info ?? {};
      return { path: current, uid, gid, mode: mode & 0o7777 };
    }
  }
}

/** Makes a folder that was there before as it was then; what lies in it is the caller's. */
export async function restoreFolder({ path, uid, gid, mode }: FoundFolder): Promise<void> {
  await makeFolder(path, mode);
  await chown(path, uid, gid);
  await chmod(path, mode);
}

/** A key of `originals`: an install that is closed, or rolled back, may go on in another folder. */
const keyOf = (path: string): string => `before ${path}`;

/** All of them, as a step's undo forgets them. */
export const foundOriginals = keyOf('*');

/** How the data folder's place was found, as an original of a run. */
export const foundOriginal = (path: string, found: FoundFolder): JsonObject => ({ [keyOf(path)]: found });

export const foundIn = (originals: JsonObject | undefined, path: string): FoundFolder | undefined =>
  foundFolderSchema.safeParse(originals?.[keyOf(path)]).data;

/** Removes the folders above `path` that an install made, while they are empty; `stop` was there before. */
export async function removeMadeParents(path: string, stop: string): Promise<void> {
  for (
    let parent = dirname(path);
    parent.startsWith(`${stop === '/' ? '' : stop}/`);
    parent = dirname(parent)
  )
    if (!(await removeEmptyFolder(parent))) return;
}
