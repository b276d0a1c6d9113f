import type { FileHandle } from 'node:fs/promises';
import type { GzippedTar } from './format/archive-gzip.ts';
import type { PayloadIndex } from './format/index-schema.ts';
import type { ReadAt } from './position-reader.ts';
import type { WriteOptions } from './write-stream.ts';

/** A payload's file as far as its chunks go. */
export interface ChunkedFile {
  descriptor: number;
  readAt: ReadAt;
  chunks: PayloadIndex['chunks'];
  /** index.json's own entry, local header and content, which counts as zeros in the chunk hashes. */
  zeroed: { from: number; to: number };
}

/** A chunk that is not as its hash says. Which of the entries in it is damaged its hash cannot say. */
export class DamagedChunk extends Error {
  override readonly name = 'DamagedChunk';
  readonly number: number;

  constructor(number: number, cause?: unknown) {
    super(`chunk ${number} is damaged`, { cause });
    this.number = number;
  }
}

/** A chunk's XXH3-128, empty when it could not be read. */
export interface ScannedChunk {
  number: number;
  hash: string;
}

/** A run of a file's content: bytes that are made from the index, or bytes [from, to) of the payload. */
export type Segment = { bytes: Uint8Array } | { from: number; to: number };

/** What a file is put together from: its content in order, and what is wrapped around it. */
export interface Composition {
  segments: Segment[];
  /** The content is a tar, to be wrapped in gzip's stored blocks. */
  gzip: GzippedTar | undefined;
  sizeBytes: number;
}

/**
 * How much is read and written: everything else reads single entries. Every implementation gives the same
 * results.
 */
export interface ChunkIo {
  /** Hashes every chunk, in any order. Throws the signal's reason when aborted. */
  scan: (file: ChunkedFile, options: ScanChunks) => Promise<void>;
  /**
   * Writes a file whose every byte of the payload was compared with its chunk's SHA-256, and returns the
   * bytes written. Throws {@link DamagedChunk}, the signal's reason when aborted, and what a write throws.
   */
  write: (
    file: ChunkedFile,
    composition: Composition,
    output: FileHandle,
    options: WriteOptions,
  ) => Promise<number>;
}

interface ScanChunks {
  signal: AbortSignal | undefined;
  onChunk: (chunk: ScannedChunk) => void;
}
