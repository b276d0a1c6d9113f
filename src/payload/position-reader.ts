import type { FileHandle } from 'node:fs/promises';

/** Reads exactly `length` bytes at `offset`. Throws RangeError when the file ends before. */
export type ReadAt = (offset: number, length: number) => Promise<Buffer>;

export function positionReader(handle: FileHandle): ReadAt {
  return async (offset, length) => {
    const buffer = Buffer.allocUnsafe(length);
    for (let done = 0; done < length;) {
      const { bytesRead } = await handle.read(buffer, done, length - done, offset + done);
      if (bytesRead === 0) throw new RangeError(`the file ends at byte ${offset + done}`);
      done += bytesRead;
    }
    return buffer;
  };
}
