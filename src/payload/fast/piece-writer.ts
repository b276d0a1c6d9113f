import { writeSync } from 'node:fs';
import { storedGzipRange, storedGzipSpan } from '../format/archive-gzip.ts';
import type { PieceEdge, PieceWritten, WriteJob } from './chunk-job.ts';
import type { OutputPiece } from './output-pieces.ts';
import type { Segment } from '../chunked-file.ts';
import type { Pieces } from './piece-table.ts';
import { pageMemory, pageSize } from './page-memory.ts';

/**
 * Puts a piece of a file together and writes it to its place, in one thread, past the page cache where that
 * can be: the kernel copies nothing then, and what else is in memory stays there. The pages at both ends
 * hold bytes of the neighbours too and cannot go that way; to write them in between would have the kernel
 * wait for all that is under way, so that they are given back.
 */
export class PieceWriter {
  readonly #job: WriteJob;
  readonly #memory: Uint8Array;
  #uncached: number | undefined;

  constructor(job: WriteJob, pieces: Pieces) {
    this.#job = job;
    this.#uncached = job.outputUncached;
    let longest = 0;
    for (const piece of pieces.spans()) longest = Math.max(longest, this.#span(piece).size);
    this.#memory = pageMemory(longest + pageSize, job.uncached);
  }

  /**
   * `chunk` holds the piece's chunk, proved. Returns what is still to be written; throws what a write throws.
   */
  write(piece: OutputPiece, chunk: Uint8Array): PieceWritten {
    const { start, size } = this.#span(piece);
    // At the same distance from a page as in the file.
    const lead = start % pageSize;
    let end = lead;
    for (const part of this.#parts(piece, chunk)) {
      this.#memory.set(part, end);
      end += part.length;
    }
    if (end - lead !== size) throw new RangeError(`a piece of ${size} bytes came out with ${end - lead}`);
    return { size, edges: this.#writePages(start - lead, lead, end) };
  }

  /** Where a piece is in the file. */
  #span({ position, size }: Pick<OutputPiece, 'position' | 'size'>): { start: number; size: number } {
    const { gzip } = this.#job;
    return gzip === undefined ? { start: position, size } : storedGzipSpan(position, size, gzip.tarSize);
  }

  *#parts({ segments, position }: OutputPiece, chunk: Uint8Array): Generator<Uint8Array> {
    const { gzip } = this.#job;
    const bytesOf = (segment: Segment) =>
      'bytes' in segment ? segment.bytes : chunk.subarray(segment.from, segment.to);
    let at = position;
    for (const segment of segments) {
      const bytes = bytesOf(segment);
      if (gzip === undefined) yield bytes;
      else yield* storedGzipRange(bytes, at, gzip);
      at += bytes.length;
    }
  }

  /**
   * Writes the whole pages of memory [from, to); the memory's first byte belongs at `origin`, which is a
   * multiple of a page.
   */
  #writePages(origin: number, from: number, to: number): PieceEdge[] {
    if (this.#uncached !== undefined) {
      const first = Math.min(Math.ceil(from / pageSize) * pageSize, to);
      const last = Math.max(Math.floor(to / pageSize) * pageSize, first);
      try {
        this.#writeAll(this.#uncached, origin, first, last);
        const edge = (start: number, end: number) =>
          start < end ? [{ position: origin + start, bytes: this.#memory.slice(start, end) }] : [];
        return [...edge(from, first), ...edge(last, to)];
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
        // Opened so, and yet not written so; what of it was written is written again.
        this.#uncached = undefined;
      }
    }
    this.#writeAll(this.#job.output, origin, from, to);
    return [];
  }

  #writeAll(file: number, origin: number, from: number, to: number): void {
    for (let at = from; at < to;) at += writeSync(file, this.#memory, at, to - at, origin + at);
  }
}
