import type { ByteRange } from '../src/payload/byte-ranges.ts';

/** Bytes that are in both. */
export const overlap = (a: ByteRange, b: ByteRange): number =>
  Math.max(0, Math.min(a.to, b.to) - Math.max(a.from, b.from));

/**
 * Which bytes of the output are there. Contents are copied in parallel, and what is made of many of them
 * (chunks, archives) starts as soon as its own bytes are there instead of when all are.
 */
export class Written {
  readonly #extents: ByteRange[] = [];
  readonly #waiting = new Set<ByteRange & { missing: number; resolve: () => void }>();

  /** No byte is added twice. */
  add(from: number, to: number): void {
    const extent = { from, to };
    this.#extents.push(extent);
    for (const waiting of this.#waiting) {
      waiting.missing -= overlap(waiting, extent);
      if (waiting.missing > 0) continue;
      this.#waiting.delete(waiting);
      waiting.resolve();
    }
  }

  /** Resolves when all of [from, to) is there. */
  until(from: number, to: number): Promise<void> {
    const missing = this.#extents.reduce((left, extent) => left - overlap({ from, to }, extent), to - from);
    if (missing === 0) return Promise.resolve();
    return new Promise((resolve) => this.#waiting.add({ from, to, missing, resolve }));
  }
}

/** Numbers of the chunks of which every byte is in bytes [offset, offset + size) of the output. */
export function wholeChunks(
  { offset, size }: { offset: number; size: number },
  chunkSize: number,
): ByteRange {
  const from = Math.ceil(offset / chunkSize);
  return { from, to: Math.max(from, Math.floor((offset + size) / chunkSize)) };
}
