import type { FileHandle } from 'node:fs/promises';

/** Left to itself the kernel keeps gigabytes in memory, and the disk stands still until the closing fsync. */
const everyBytes = 64 * 1024 * 1024;

/** Has the disk take what was written to a file while more of it is being made. */
export class WriteBack {
  readonly #file: FileHandle;
  #waiting = 0;
  #flushing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** That many bytes more were written. Throws what an earlier flush threw: a full disk may say so only then. */
  wrote(bytes: number): void {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#waiting += bytes;
    if (this.#waiting >= everyBytes) this.#flushing ??= this.#flush();
  }

  /** Waits until nothing is under way, so that the file can be closed. Throws nothing. */
  async ended(): Promise<void> {
    await this.#flushing;
  }

  async #flush(): Promise<void> {
    this.#waiting = 0;
    try {
      await this.#file.datasync();
    } catch (error) {
      this.#failure = { error };
    }
    this.#flushing = undefined;
  }
}
