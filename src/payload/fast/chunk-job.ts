import type { GzippedTar } from '../format/archive-gzip.ts';
import type { PieceTable } from './piece-table.ts';

/** What a thread that reads chunks is given. The descriptors are the main thread's: threads share them. */
export interface ChunkSource {
  file: number;
  /** The same file past the page cache, where that can be. */
  uncached: number | undefined;
  /** 32-bit integers, see {@link shared}. */
  state: SharedArrayBuffer;
  chunkSize: number;
  coveredEnd: number;
  /** What counts as zeros in the chunks' hashes. */
  zeroed: { from: number; to: number };
}

/**
 * Places in `state`: the next chunk or piece to be taken, 1 to stop, and pages brought into the page cache.
 */
export const shared = { next: 0, stop: 1, pagesBrought: 2, count: 3 } as const;

/** Compares every chunk with its XXH3-128. */
export interface ScanJob extends ChunkSource {
  kind: 'scan';
}

/** Writes pieces of a file, each once its chunk was compared with its SHA-256. */
export interface WriteJob extends ChunkSource {
  kind: 'write';
  pieces: PieceTable;
  /** Of each chunk of the payload, 32 bytes. */
  sha256: SharedArrayBuffer;
  /** The pieces are a tar of this many bytes, to be wrapped in gzip's stored blocks. */
  gzip: GzippedTar | undefined;
  output: number;
  /** The output past the page cache, where that can be. */
  outputUncached: number | undefined;
}

/** Bytes that belong in a page of the file that holds bytes of another piece too. */
export interface PieceEdge {
  position: number;
  bytes: Uint8Array;
}

/** A piece of `size` bytes that was written but for its edges. */
export interface PieceWritten {
  size: number;
  edges: PieceEdge[];
}

/** A piece that was written, a chunk that is not as its hash says, or a write that failed. */
export type WriteReport =
  | PieceWritten
  | { damagedChunk: number }
  | { failure: { code: string | undefined; message: string } };
