import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';

/** A path that leads to no regular file, where one has to be. */
class NotRegular extends Error {
  override readonly name = 'NotRegular';
}

/** What lies at a path, in words. */
function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a named pipe';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

/**
 * Opens a file of the host for reading. A named pipe is never waited for, a device never touched. `flags` are added to reading's.
 * Throws {@link NotRegular}, or what `open` throws.
 */
export async function openRegular(path: string, flags = 0): Promise<FileHandle> {
  const assertRegular = (found: Stats) => {
    if (!found.isFile()) throw new NotRegular(`it is ${kindOf(found)} and no regular file`);
  };
  assertRegular(await stat(path));
  // It may have been replaced meanwhile: without blocking, and looked at again.
  const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | flags);
  try {
    assertRegular(await handle.stat());
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The bytes of a file of the host. Throws as {@link openRegular}. */
export async function readRegular(path: string): Promise<Buffer> {
  const handle = await openRegular(path);
  try {
    return await handle.readFile();
  } finally {
    await handle.close();
  }
}

/** The text of a file of the host. Throws as {@link openRegular}. */
export const readRegularText = async (path: string): Promise<string> =>
  (await readRegular(path)).toString('utf8');
