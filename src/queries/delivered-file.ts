import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { IvaapError } from '../errors.ts';
import { openPayload } from '../payload/open-payload.ts';
import type { Payload } from '../payload/reader.ts';
import { shellWord } from '../shell-word.ts';

/**
 * Opens the payload of a file from the command line.
 * @throws IvaapError `usage` for a path that is not a readable file, `payload` for one whose payload is
 * missing or damaged.
 */
export async function openDelivered(path: string): Promise<Payload> {
  const hint = `ls -ld ${shellWord(path)}`;
  try {
    // Non-blocking: the path may be a named pipe.
    const handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const isFile = (await handle.stat().finally(() => handle.close())).isFile();
    if (!isFile) throw new IvaapError('usage', `${path} is not a regular file`, { hint });
  } catch (error) {
    if (error instanceof IvaapError) throw error;
    throw new IvaapError('usage', `${path} cannot be read`, { hint, cause: error });
  }
  return openPayload(path);
}
