import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { createXXHash128 } from 'hash-wasm';
import type { Range } from './clone-blocks.ts';
import { behindBytes, PendingWrites, pieceBytes } from './pending-writes.ts';

/** A range of a file that is copied to the output. */
export interface CopyTask extends Range {
  output: number;
  /** The same file past the page cache, from `openUncached`. */
  outputUncached: number | undefined;
  /** A multiple of `pieceBytes`. */
  chunkSize: number;
}

/** XXH3-128 and SHA-256, in hex. */
export type ChunkHashes = [xxh128: string, sha256: string];

export interface Copied {
  sha256: string;
  crc32: number;
  /** Of {@link wholeChunks}. */
  chunks: ChunkHashes[];
}

/** Between two turns of the thread's other work. */
const turnBytes = 8 * 1024 * 1024;
const xxh128 = await createXXHash128();

/** Numbers [from, to) of the chunks of which every byte lies in bytes [offset, offset + size) of the output. */
export function wholeChunks(
  { offset, size }: Pick<Range, 'offset' | 'size'>,
  chunkSize: number,
): { from: number; to: number } {
  const from = Math.ceil(offset / chunkSize);
  return { from, to: Math.max(from, Math.floor((offset + size) / chunkSize)) };
}

/**
 * Copies a range and hashes it, and each chunk that lies in it whole, in one pass. Such chunks go past the page cache: to find memory for
 * them takes the kernel longer than the copying itself. What is hashed with its neighbours' bytes stays there for that. One at a time in
 * a thread. `onBytes` hears how many bytes of the range are there.
 */
export async function copyRange(task: CopyTask, onBytes: (done: number) => void): Promise<Copied> {
  const { path, from, size, offset, chunkSize } = task;
  const whole = wholeChunks(task, chunkSize);
  const end = offset + size;
  const sha256 = createHash('sha256');
  let crc = 0;
  const chunks: ChunkHashes[] = [];
  let chunkSha256 = createHash('sha256');
  xxh128.init();
  const input = openSync(path, 'r');
  const writes = new PendingWrites(input, task.output, task.outputUncached);
  try {
    let told = 0;
    for (let position = offset; position < end;) {
      const memory = await writes.memory();
      const written = position - offset - behindBytes;
      if (written - told >= turnBytes) {
        onBytes((told = written));
        await setImmediate();
      }
      const border = Math.floor(position / pieceBytes + 1) * pieceBytes;
      const bytes = memory.subarray(0, Math.min(border, end) - position);
      readFully(input, bytes, from + position - offset, path);
      const number = Math.floor(position / chunkSize);
      const inWhole = number >= whole.from && number < whole.to;
      writes.write(bytes, position, { pastCache: inWhole });
      sha256.update(bytes);
      crc = crc32(bytes, crc);
      position += bytes.length;
      if (!inWhole) continue;
      chunkSha256.update(bytes);
      xxh128.update(bytes);
      if (position % chunkSize !== 0) continue;
      chunks.push([xxh128.digest('hex'), chunkSha256.digest('hex')]);
      chunkSha256 = createHash('sha256');
      xxh128.init();
    }
    await writes.finish();
    return { sha256: sha256.digest('hex'), crc32: crc, chunks };
  } finally {
    // Nothing of this thread writes from its memory any more.
    await writes.settle();
    closeSync(input);
  }
}

function readFully(file: number, bytes: Uint8Array, from: number, path: string): void {
  for (let done = 0; done < bytes.length;) {
    const read = readSync(file, bytes, done, bytes.length - done, from + done);
    if (read === 0)
      throw new Error(`${path} ends at byte ${from + done}, before its ${from + bytes.length} bytes`);
    done += read;
  }
}
