import { read } from 'node:fs';
import { promisify } from 'node:util';
import { IvaapError } from '../errors.ts';
import { asRoot } from '../shell-word.ts';

const readOnce = promisify(read);

/** Reads exactly `length` bytes at `offset`. Throws RangeError when the file ends before. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

/** Reads an open file by position; it has to stay open. */
export function positionReader(descriptor: number): ReadAt {
  return async (offset, length) => {
    const buffer = Buffer.allocUnsafe(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await readOnce(descriptor, buffer, done, length - done, offset + done);
      if (bytesRead === 0) throw new RangeError(`the file ends at byte ${offset + done}`);
      done += bytesRead;
    }
    return buffer;
  };
}

/**
 * A read that the disk refused, explained; others pass. A file that ends early is reported by the caller that
 * knows how long it should be.
 */
function readFailure(file: string, offset: number, error: unknown): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (code === undefined || !(error instanceof Error) || error instanceof IvaapError) return error;
  const hint =
    code === 'EIO'
      ? `check the kernel messages about that disk (${asRoot('dmesg | tail')}), ` +
        'and copy the file from its source to another one'
      : 'copy the file to a local disk, and run it from there';
  return new IvaapError(
    'payload',
    `${file} cannot be read at byte ${offset}: the disk or its connection is failing`,
    {
      hint,
      cause: error,
    },
  );
}

/** {@link positionReader} of a payload's file: errors of its disk are explained. */
export function payloadReader(descriptor: number, file: string): ReadAt {
  const readAt = positionReader(descriptor);
  return (offset, length) =>
    readAt(offset, length).catch((error: unknown) => {
      throw readFailure(file, offset, error);
    });
}
