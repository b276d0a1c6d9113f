import type { FileHandle } from 'node:fs/promises';

/** Left to itself the kernel keeps gigabytes in memory, and the disk is idle until the closing fsync. */
const everyBytes = 64 * 1024 * 1024;

/** Has the disk take what was written to a file while more of it is being made. */
export class WriteBack {
  readonly #file: FileHandle;
  #waitingBytes = 0;
  #flushing: Promise<void> | undefined;
  #failure: { error: unknown } | undefined;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** That many bytes more were written. */
  wrote(bytes: number): void {
    this.#waitingBytes += bytes;
    if (this.#waitingBytes >= everyBytes) this.#flushing ??= this.#flush();
  }

  /**
   * Waits until nothing is under way. Throws what a flush failed with: the kernel reports a lost write only
   * once, and a later fsync does not mention it.
   */
  async finish(): Promise<void> {
    await this.#flushing;
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #flush(): Promise<void> {
    this.#waitingBytes = 0;
    try {
      await this.#file.datasync();
    } catch (error) {
      this.#failure ??= { error };
    }
    this.#flushing = undefined;
  }
}
