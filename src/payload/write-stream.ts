import type { FileHandle } from 'node:fs/promises';
import { writeFully } from '../host/atomic-file.ts';
import { WriteBack } from '../host/write-back.ts';

export interface WriteOptions {
  signal?: AbortSignal;
  /** Bytes written so far. */
  onBytes?: (bytes: number) => void;
}

/**
 * Writes while the next piece is being read and proved, and while the disk takes what was written before.
 * Returns the size.
 */
export async function writeStream(
  handle: FileHandle,
  stream: AsyncIterable<Buffer>,
  { signal, onBytes }: WriteOptions,
): Promise<number> {
  const writeBack = new WriteBack(handle);
  let sizeBytes = 0;
  const write = async (piece: Buffer) => {
    await writeFully(handle, piece);
    sizeBytes += piece.length;
    onBytes?.(sizeBytes);
    writeBack.wrote(piece.length);
  };
  let writing: Promise<void> | undefined;
  try {
    for await (const piece of stream) {
      await writing;
      signal?.throwIfAborted();
      writing = write(piece);
      // Awaited in its turn: until then a failure must not count as unhandled.
      writing.catch(() => {});
    }
    await writing;
    await writeBack.finish();
  } finally {
    // Nothing may be under way when the caller closes the file.
    await Promise.allSettled([writing]);
  }
  signal?.throwIfAborted();
  return sizeBytes;
}
