import { constants, type Stats } from 'node:fs';
import { type FileHandle, open, readFile, stat } from 'node:fs/promises';

/** A path that leads to no regular file, where one has to be. */
class NotRegular extends Error {
  override readonly name = 'NotRegular';
}

/** What is at a path, as text. */
function kindOf(found: Stats): string {
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a named pipe';
  if (found.isSocket()) return 'a socket';
  return 'a device';
}

function assertRegular(found: Stats): void {
  if (!found.isFile()) throw new NotRegular(`it is ${kindOf(found)} and not a regular file`);
}

/** Should a pipe come in the place of the file meanwhile, it is not waited for either. */
const reading = constants.O_RDONLY | constants.O_NONBLOCK;

/**
 * Opens a file of the host for reading. A named pipe is never waited for, a device never touched.
 * Throws {@link NotRegular}, or what `open` throws.
 */
export async function openRegular(path: string): Promise<FileHandle> {
  assertRegular(await stat(path));
  const handle = await open(path, reading);
  try {
    assertRegular(await handle.stat());
    return handle;
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/**
 * The bytes of a file of the host. Throws as {@link openRegular}, and for one that has more than `mostBytes`.
 */
export async function readRegular(path: string, mostBytes = Infinity): Promise<Buffer> {
  const found = await stat(path);
  assertRegular(found);
  if (found.size > mostBytes) throw new Error(`it has ${found.size} bytes, more than ${mostBytes}`);
  return readFile(path, { flag: reading });
}

/** The text of a file of the host. Throws as {@link openRegular}. */
export const readRegularText = async (path: string): Promise<string> =>
  (await readRegular(path)).toString('utf8');
