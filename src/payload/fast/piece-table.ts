import type { OutputPiece } from './output-pieces.ts';
import type { Segment } from '../chunked-file.ts';

/**
 * Pieces in memory that threads share: a message with hundreds of thousands of them, and as many hashes,
 * would be copied into the small heap of each thread.
 */
export interface PieceTable {
  /**
   * Four numbers a piece: position, size, chunk (-1: none), and the place of its first segment in `segments`.
   * One more piece ends it.
   */
  pieces: SharedArrayBuffer;
  /** Three numbers a segment: 1 when it is made; and where it starts and ends, in the chunk or in `made`. */
  segments: SharedArrayBuffer;
  made: SharedArrayBuffer;
}

const pieceWidth = 4;
const segmentWidth = 3;

const numbers = (count: number) => new SharedArrayBuffer(count * Float64Array.BYTES_PER_ELEMENT);

export function pieceTable(pieces: readonly OutputPiece[]): PieceTable {
  let segmentCount = 0;
  let madeBytes = 0;
  for (const { segments } of pieces)
    for (const segment of segments) {
      segmentCount += 1;
      if ('bytes' in segment) madeBytes += segment.bytes.length;
    }
  const table: PieceTable = {
    pieces: numbers((pieces.length + 1) * pieceWidth),
    segments: numbers(segmentCount * segmentWidth),
    made: new SharedArrayBuffer(madeBytes),
  };
  const rows = new Float64Array(table.pieces);
  const parts = new Float64Array(table.segments);
  const made = new Uint8Array(table.made);
  let segmentAt = 0;
  let madeAt = 0;
  for (const [at, { position, size, chunk = -1, segments }] of pieces.entries()) {
    rows.set([position, size, chunk, segmentAt], at * pieceWidth);
    for (const segment of segments) {
      if ('bytes' in segment) {
        made.set(segment.bytes, madeAt);
        parts.set([1, madeAt, madeAt + segment.bytes.length], segmentAt * segmentWidth);
        madeAt += segment.bytes.length;
      } else parts.set([0, segment.from, segment.to], segmentAt * segmentWidth);
      segmentAt += 1;
    }
  }
  rows.set([0, 0, -1, segmentAt], pieces.length * pieceWidth);
  return table;
}

/** Reads the table in a thread. */
export class Pieces {
  readonly length: number;
  readonly #rows: Float64Array;
  readonly #parts: Float64Array;
  readonly #made: Uint8Array;

  constructor({ pieces, segments, made }: PieceTable) {
    this.#rows = new Float64Array(pieces);
    this.#parts = new Float64Array(segments);
    this.#made = new Uint8Array(made);
    this.length = this.#rows.length / pieceWidth - 1;
  }

  /** Position and size alone, without an object for each segment. */
  *spans(): Generator<{ position: number; size: number }> {
    for (let at = 0; at < this.length * pieceWidth; at += pieceWidth)
      yield { position: this.#rows[at]!, size: this.#rows[at + 1]! };
  }

  /** Undefined behind the last one. */
  at(number: number): OutputPiece | undefined {
    if (number >= this.length) return undefined;
    const row = number * pieceWidth;
    const [position = 0, size = 0, chunk = -1, first = 0] = this.#rows.subarray(row, row + pieceWidth);
    const end = this.#rows[row + pieceWidth + 3] ?? first;
    const segments: Segment[] = [];
    for (let at = first * segmentWidth; at < end * segmentWidth; at += segmentWidth) {
      const [isMade, from = 0, to = 0] = this.#parts.subarray(at, at + segmentWidth);
      segments.push(isMade === 1 ? { bytes: this.#made.subarray(from, to) } : { from, to });
    }
    return { position, size, chunk: chunk < 0 ? undefined : chunk, segments };
  }
}

/** SHA-256 of every chunk, 32 bytes each, shared. */
export function hashTable(hex: readonly string[]): SharedArrayBuffer {
  const table = new SharedArrayBuffer(hex.length * 32);
  const bytes = Buffer.from(table);
  for (const [at, hash] of hex.entries()) bytes.write(hash, at * 32, 'hex');
  return table;
}
