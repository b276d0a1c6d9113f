import type { FileHandle } from 'node:fs/promises';

/** Left to itself the kernel keeps gigabytes in memory, and the disk stands still until the closing fsync. */
const flushEveryBytes = 64 * 1024 * 1024;

/** Has the disk take what was written while the rest is still being copied and hashed. */
export class EarlyFlush {
  readonly #file: FileHandle;
  #unflushedBytes = 0;
  #running: Promise<void> | undefined;
  #failure: unknown;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  wrote(bytes: number): void {
    this.#unflushedBytes += bytes;
    if (this.#unflushedBytes < flushEveryBytes || this.#running !== undefined) return;
    this.#unflushedBytes = 0;
    this.#running = this.#file
      .datasync()
      .catch((error: unknown) => void (this.#failure ??= error))
      .finally(() => (this.#running = undefined));
  }

  /** Waits for all of it. Throws what a flush failed with: the kernel tells a lost write only once. */
  async finish(): Promise<void> {
    await this.#running;
    if (this.#failure !== undefined) throw this.#failure;
    await this.#file.sync();
  }
}
