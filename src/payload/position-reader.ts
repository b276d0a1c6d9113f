import { read } from 'node:fs';
import { promisify } from 'node:util';

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
