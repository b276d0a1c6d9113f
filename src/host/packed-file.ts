import { once } from 'node:events';
import type { FileHandle } from 'node:fs/promises';
import { constants, createZstdCompress } from 'node:zlib';
import { type StreamedFile, writeStream } from './atomic-file.ts';

/** How the text of a file is packed: as one frame of zstd, with its checksum. */
export type Compression = 'zstd';

/** Suffix of a packed file's name. */
export const packedSuffix: Record<Compression, string> = { zstd: '.zst' };

/**
 * Writes a text packed by zstd. `spend` is told of the bytes before they are written, and may throw. The
 * first error of any of it is thrown by `write` or `end`.
 */
export class PackedFile {
  readonly #zstd = createZstdCompress({ params: { [constants.ZSTD_c_checksumFlag]: 1 } });
  readonly #written: Promise<StreamedFile>;

  constructor(handle: FileHandle, spend: (bytes: number) => void) {
    this.#written = writeStream(handle, this.#zstd, { before: spend });
    // It is awaited by whoever writes next, which may be never.
    this.#written.catch(() => {});
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#zstd.destroyed) await this.#written;
    if (!this.#zstd.write(chunk)) await Promise.race([once(this.#zstd, 'drain'), this.#written]);
  }

  /** All of it is in the file when this resolves; not yet durable. */
  end(): Promise<StreamedFile> {
    this.#zstd.end();
    return this.#written;
  }

  /** Ends it where it is; what is in the file is of no use. */
  discard(): void {
    this.#zstd.destroy();
  }
}
