import type { ChunkIo, ScannedChunk } from '../chunked-file.ts';
import type { ScanJob } from './chunk-job.ts';
import { runChunkThreads } from './chunk-threads.ts';
import { writeInThreads } from './write-in-threads.ts';

export { isThreadRefused } from './chunk-threads.ts';

/**
 * In several threads, past the page cache, from memory in huge pages. Throws {@link isThreadRefused} before
 * anything is done.
 */
export const fastIo: ChunkIo = {
  scan: (file, { signal, onChunk }) =>
    runChunkThreads<ScannedChunk, ScanJob>(
      file,
      { kind: 'scan' },
      { bytes: file.chunks.coveredEnd, signal, onReport: onChunk },
    ),
  write: writeInThreads,
};
