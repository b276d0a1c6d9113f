import { resolve } from 'node:path';
import { IvaapError } from '../errors.ts';

/**
 * A path that was typed, from the root on. Throws `usage` for a relative one in a folder that has been
 * removed, and for `-`, which others take for a stream.
 */
export function absolutePath(path: string): string {
  if (path === '-') {
    throw new IvaapError('usage', '- is not taken for standard input or output: a file is needed', {
      hint: 'name a file or a folder; one whose name is - is ./-',
    });
  }
  try {
    return resolve(path);
  } catch (cause) {
    throw new IvaapError('usage', `${path} is relative to the current folder, which no longer exists`, {
      hint: 'use an absolute path, or change to a folder that exists',
      cause,
    });
  }
}
