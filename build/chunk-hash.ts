import { createHash } from 'node:crypto';
import { createXXHash128 } from 'hash-wasm';

/** XXH3-128 and SHA-256, in hex. */
export type ChunkHashes = [xxh128: string, sha256: string];

const xxh128 = await createXXHash128();

/** The hashes of one chunk after another, fed with its bytes in any pieces. One at a time in a thread. */
export class ChunkHash {
  #sha256 = createHash('sha256');

  constructor() {
    xxh128.init();
  }

  update(bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    xxh128.update(bytes);
  }

  /** Ends the chunk; the next bytes start another one. */
  digest(): ChunkHashes {
    const hashes: ChunkHashes = [xxh128.digest('hex'), this.#sha256.digest('hex')];
    xxh128.init();
    this.#sha256 = createHash('sha256');
    return hashes;
  }
}
