import { createHash } from 'node:crypto';
import { closeSync, openSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import type { ChunkHashes } from './chunk-hash.ts';
import { ChunkHash } from './chunk-hash.ts';
import { wholeChunks } from './written.ts';
import type { Range } from './clone-blocks.ts';
import { KeySearch } from './key-search.ts';
import { behindBytes, PendingWrites, pieceBytes } from './pending-writes.ts';
import { readFully } from './read-fully.ts';

/** A range of a file that is copied to the output. */
export interface CopyTask extends Range {
  /** The output shares its blocks: it is only hashed. */
  isShared: boolean;
  output: number;
  /** The same file past the page cache, from `openUncached`. */
  outputUncached: number | undefined;
  /** A multiple of `pieceBytes`. */
  chunkSize: number;
}

export interface Copied {
  sha256: string;
  crc32: number;
  /** Of {@link wholeChunks}. */
  chunks: ChunkHashes[];
}

/** Between two turns of the thread's other work. */
const turnBytes = 8 * 1024 * 1024;

/**
 * Copies a range and hashes it, and each chunk that is in it whole, in one pass. Such chunks go past the
 * page cache: to find memory for them takes the kernel longer than the copying itself. What is hashed with
 * its neighbours' bytes stays there for that. One at a time in a thread. `onBytes` hears how many bytes of
 * the range are there.
 */
export async function copyRange(
  task: CopyTask,
  onBytes: (done: number) => void,
  search: KeySearch = new KeySearch(),
): Promise<Copied> {
  const { path, from, size, offset, chunkSize } = task;
  const whole = wholeChunks(task, chunkSize);
  const end = offset + size;
  const sha256 = createHash('sha256');
  let crc = 0;
  const chunks: ChunkHashes[] = [];
  const chunkHash = new ChunkHash();
  const input = openSync(path, 'r');
  const writes = new PendingWrites(input, task.output, task.outputUncached);
  try {
    let reported = 0;
    for (let position = offset; position < end;) {
      const memory = await writes.memory();
      const written = position - offset - behindBytes;
      if (written - reported >= turnBytes) {
        onBytes((reported = written));
        await setImmediate();
      }
      const border = Math.floor(position / pieceBytes + 1) * pieceBytes;
      const bytes = memory.subarray(0, Math.min(border, end) - position);
      readFully(input, bytes, from + position - offset, path);
      const number = Math.floor(position / chunkSize);
      const inWhole = number >= whole.from && number < whole.to;
      if (!task.isShared) writes.write(bytes, position, { pastCache: inWhole });
      sha256.update(bytes);
      search.update(bytes);
      crc = crc32(bytes, crc);
      position += bytes.length;
      if (!inWhole) continue;
      chunkHash.update(bytes);
      if (position % chunkSize === 0) chunks.push(chunkHash.digest());
    }
    await writes.finish();
    return { sha256: sha256.digest('hex'), crc32: crc, chunks };
  } finally {
    // Nothing of this thread writes from its memory any more.
    await writes.settle();
    closeSync(input);
  }
}
