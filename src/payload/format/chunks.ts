import type { PayloadIndex } from './index-schema.ts';

/** FORMAT.md, index.json: `chunks`, the pieces of the file that have hashes of their own. */

/** The bounds of chunk `number`. */
export function chunkBounds(
  chunks: Pick<PayloadIndex['chunks'], 'chunkSize' | 'coveredEnd'>,
  number: number,
): { from: number; to: number } {
  const from = number * chunks.chunkSize;
  return { from, to: Math.min(from + chunks.chunkSize, chunks.coveredEnd) };
}

/**
 * Sets to zero what of [from, from + bytes.length) is in `zeroed`: index.json's header and content, which
 * cannot hold their own hash.
 */
export function zeroOut(bytes: Uint8Array, from: number, zeroed: { from: number; to: number }): void {
  const start = Math.max(zeroed.from - from, 0);
  const end = Math.min(zeroed.to - from, bytes.length);
  if (start < end) bytes.fill(0, start, end);
}
