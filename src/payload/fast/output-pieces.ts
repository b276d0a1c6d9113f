import type { Segment } from '../chunked-file.ts';

/**
 * A run of a file's content that needs one chunk of the payload at most: whoever has proved that chunk can
 * write it, wherever the others are.
 */
export interface OutputPiece {
  /** Where it starts in the content. */
  position: number;
  size: number;
  /** Undefined when all of it is made. */
  chunk: number | undefined;
  /** Ranges count from the chunk's first byte. */
  segments: Segment[];
}

const lengthOf = (segment: Segment) =>
  'bytes' in segment ? segment.bytes.length : segment.to - segment.from;

/**
 * Cuts a file's content at the borders of chunks of `chunkSize` bytes. What is made goes with the chunk
 * before it, or the first one.
 */
export function outputPieces(segments: Iterable<Segment>, chunkSize: number): OutputPiece[] {
  const pieces: OutputPiece[] = [];
  let piece: OutputPiece = { position: 0, size: 0, chunk: undefined, segments: [] };
  const add = (chunk: number | undefined, segment: Segment) => {
    if (chunk !== undefined && piece.chunk !== undefined && chunk !== piece.chunk) {
      pieces.push(piece);
      piece = { position: piece.position + piece.size, size: 0, chunk, segments: [] };
    }
    piece.chunk ??= chunk;
    piece.segments.push(segment);
    piece.size += lengthOf(segment);
  };
  for (const segment of segments) {
    if ('bytes' in segment) {
      add(undefined, segment);
      continue;
    }
    for (let from = segment.from; from < segment.to;) {
      const chunk = Math.floor(from / chunkSize);
      const start = chunk * chunkSize;
      const to = Math.min(segment.to, start + chunkSize);
      add(chunk, { from: from - start, to: to - start });
      from = to;
    }
  }
  if (piece.size > 0) pieces.push(piece);
  return pieces;
}
