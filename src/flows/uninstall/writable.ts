import { accessSync, constants, statSync } from 'node:fs';
import { IvaapError } from '../../errors.ts';
import { makeFolder } from '../../host/atomic-file.ts';
import { nearestExisting, roomAt, whyNoFiles } from '../../host/mounts.ts';
import { writeError } from '../../host/write-error.ts';
import { shellWord } from '../../shell-word.ts';

/** Of the record, and of the folders on the way. */
const leastBytes = 1024 ** 2;
const leastFiles = 16;

const nameAnother = 'name another folder: --dump-to FOLDER';

/** Throws `preflight` where nothing can be kept in the folder, as far as it can be told without a write. */
export async function refuseUnwritable(dumpTo: string): Promise<void> {
  const blocked = (why: string, see?: string) =>
    new IvaapError('preflight', `nothing can be kept in ${dumpTo}: ${why}`, {
      hint: see === undefined ? nameAnother : `${nameAnother}; or see why: ${see}`,
    });
  const folder = nearestExisting(dumpTo);
  if (!statSync(folder).isDirectory())
    throw blocked(`${folder} is a file, not a folder`, `ls -ld ${shellWord(folder)}`);
  try {
    // Also root is told so of a read-only file system, and of a folder that is immutable.
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unwritable(dumpTo, writeError(folder, error));
  }
  const room = await roomAt(folder);
  const { freeBytes, freeFiles, mountPoint } = room;
  const never = whyNoFiles(room);
  if (never !== undefined) throw blocked(never);
  if (freeBytes < leastBytes)
    throw blocked(`no space left on ${mountPoint}`, `df -h ${shellWord(mountPoint)}`);
  if (freeFiles !== undefined && freeFiles < leastFiles)
    throw blocked(`no inodes left on ${mountPoint}`, `df -i ${shellWord(mountPoint)}`);
}

/** Makes it before anything is recorded: what no look can tell stops the run here. Throws `preflight`. */
export async function makeDumpTo(dumpTo: string): Promise<void> {
  await makeFolder(dumpTo, 0o700).catch((error: unknown) => {
    throw unwritable(dumpTo, error);
  });
}

function unwritable(dumpTo: string, error: unknown): unknown {
  if (!(error instanceof IvaapError)) return error;
  return error.with({
    code: 'preflight',
    message: `nothing can be kept in ${dumpTo}: ${error.message}`,
    hint: nameAnother,
  });
}
