import { createHash } from 'node:crypto';
import { gzipHeader, gzipTrailer, storedBlocks } from '../src/payload/format/archive-gzip.ts';

/** The SHA-256 of a gzip file of ours, fed with its content of exactly `size` bytes in any pieces. */
export class StoredGzipHash {
  readonly #size: number;
  readonly #sha256 = createHash('sha256').update(gzipHeader);
  #position = 0;

  constructor(size: number) {
    this.#size = size;
  }

  update(content: Buffer): void {
    for (const bytes of storedBlocks(content, this.#position, this.#size)) this.#sha256.update(bytes);
    this.#position += content.length;
  }

  /** `crc32` is the content's. Throws RangeError when another length came. */
  digest(crc32: number): string {
    if (this.#position !== this.#size)
      throw new RangeError(`${this.#position} bytes came where ${this.#size} were to come`);
    return this.#sha256.update(gzipTrailer(crc32, this.#size)).digest('hex');
  }
}
