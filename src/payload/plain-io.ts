import { createXXHash128 } from 'hash-wasm';
import type { ChunkedFile, ChunkIo, Segment } from './chunked-file.ts';
import { storedGzip } from './format/archive-gzip.ts';
import { chunkBounds, zeroOut } from './format/chunks.ts';
import { provedBytes } from './verified-read.ts';
import { writeStream } from './write-stream.ts';

/**
 * Chunks one after another, through the page cache, without threads of ours: a few times slower, and it works
 * everywhere.
 */
export const plainIo: ChunkIo = {
  async scan({ chunks, readAt, zeroed }, { signal, onChunk }) {
    const xxh128 = await createXXHash128();
    for (const number of chunks.hashes.keys()) {
      signal?.throwIfAborted();
      const { from, to } = chunkBounds(chunks, number);
      const bytes = await readAt(from, to - from).catch(() => undefined);
      if (bytes !== undefined) zeroOut(bytes, from, zeroed);
      onChunk({ number, hash: bytes === undefined ? '' : xxh128.init().update(bytes).digest('hex') });
    }
    signal?.throwIfAborted();
  },

  write(file, { segments, gzip }, output, options) {
    const content = contentOf(file, segments);
    return writeStream(output, gzip === undefined ? content : storedGzip(content, gzip), options);
  },
};

async function* contentOf(file: ChunkedFile, segments: readonly Segment[]): AsyncGenerator<Buffer> {
  for (const segment of segments)
    if ('bytes' in segment) yield Buffer.from(segment.bytes);
    else yield* provedBytes(file, segment.from, segment.to);
}
