import { constants, createReadStream } from 'node:fs';
import { copyFile, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { syncFolder, unfinished, writeStreamAtomic } from './atomic-file.ts';
import { temporaryName } from './temporary-name.ts';
import { writeError } from './write-error.ts';
import type { DiskReserve } from './reserve.ts';

/** What every copy of an executable needs. */
export interface CopyOptions {
  signal: AbortSignal;
  /** Has the last word before the copy gets its name: it throws for one that is not whole. */
  verify(path: string): Promise<void>;
}

const mode = 0o755;

/**
 * A copy that shares the blocks of its source: it takes no room and no time. False where the file system does
 * not do that. It appears under its name verified and complete.
 */
export async function cloneExecutable(from: string, to: string, { verify }: CopyOptions): Promise<boolean> {
  const temporary = join(dirname(to), temporaryName(to, unfinished));
  try {
    await copyFile(from, temporary, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE_FORCE);
  } catch (error) {
    await rm(temporary, { force: true });
    const { code = '' } = error as NodeJS.ErrnoException;
    if (['ENOSYS', 'ENOTSUP', 'EOPNOTSUPP', 'EXDEV', 'EINVAL', 'ENOTTY', 'EPERM'].includes(code))
      return false;
    throw writeError(to, error);
  }
  try {
    const file = await open(temporary, 'r');
    try {
      await file.chown(0, 0);
      await file.chmod(mode);
      await file.sync();
    } finally {
      await file.close();
    }
    await verify(temporary);
    await rename(temporary, to);
    await syncFolder(dirname(to));
    return true;
  } catch (error) {
    await rm(temporary, { force: true });
    throw writeError(to, error);
  }
}

/** A whole copy, which stops before it uses the reserve of its disk. */
export async function copyExecutable(
  from: string,
  to: string,
  {
    signal,
    verify,
    reserve,
    onBytes,
  }: CopyOptions & { reserve: DiskReserve; onBytes: (bytes: number) => void },
): Promise<void> {
  const source = createReadStream(from, { highWaterMark: 4 * 1024 * 1024 });
  const temporaryPath = join(dirname(to), temporaryName(to, unfinished));
  await writeStreamAtomic(to, reserve.spending(source), {
    mode,
    signal,
    onBytes,
    temporaryPath,
    verify: () => verify(temporaryPath),
  });
}
