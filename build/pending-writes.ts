import { closeSync, constants, write } from 'node:fs';
import { promisify } from 'node:util';
import { openUncached, pageMemory } from '../src/payload/fast/page-memory.ts';

const writeAsync = promisify(write);

/** Bytes of a write: smaller ones keep a disk less busy, and larger ones do not keep it busier. */
export const pieceBytes = 1024 * 1024;
const mostUnderWay = 8;
/** As much as was handed over and may not be written yet, once {@link PendingWrites.memory} has answered. */
export const behindBytes = (mostUnderWay - 1) * pieceBytes;

let memory: Uint8Array | undefined;

/**
 * The thread's, in huge pages where start-up asked for them (pack.ts). `source`, a file that can be read,
 * tells where a page starts.
 */
function ownMemory(source: number): Uint8Array {
  const uncached = openUncached(source, constants.O_RDONLY);
  try {
    return pageMemory(mostUnderWay * pieceBytes, uncached);
  } finally {
    if (uncached !== undefined) closeSync(uncached);
  }
}

/**
 * Writes of one thread that are under way while it continues. They share the thread's memory: only one of
 * these is in use at a time.
 */
export class PendingWrites {
  readonly #memory: Uint8Array;
  readonly #output: number;
  #uncached: number | undefined;
  readonly #writing: Promise<void>[] = Array.from({ length: mostUnderWay }, () => Promise.resolve());
  #next = 0;
  #failure: { error: unknown } | undefined;

  /**
   * `outputUncached`: the same file past the page cache, from `openUncached`. `source`: whose bytes are
   * written.
   */
  constructor(source: number, output: number, outputUncached: number | undefined) {
    this.#memory = memory ??= ownMemory(source);
    this.#output = output;
    this.#uncached = outputUncached;
  }

  /**
   * Memory of `pieceBytes` bytes for the next write, when the oldest one is done. Throws what an earlier
   * write threw.
   */
  async memory(): Promise<Uint8Array> {
    await this.#writing[this.#next];
    this.#assertWritten();
    const begin = this.#next * pieceBytes;
    return this.#memory.subarray(begin, begin + pieceBytes);
  }

  /**
   * Starts to write the front of the memory given last. `pastCache` wants whole pages, and is a wish: not
   * each file system has it.
   */
  write(bytes: Uint8Array, position: number, { pastCache }: { pastCache: boolean }): void {
    this.#writing[this.#next] = this.#write(bytes, position, pastCache).catch((error: unknown) => {
      this.#failure ??= { error };
    });
    this.#next = (this.#next + 1) % mostUnderWay;
  }

  /** Waits until none is under way. */
  async settle(): Promise<void> {
    await Promise.all(this.#writing);
  }

  /** Waits until all is written. Throws what a write threw. */
  async finish(): Promise<void> {
    await this.settle();
    this.#assertWritten();
  }

  #assertWritten(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  async #write(bytes: Uint8Array, position: number, pastCache: boolean): Promise<void> {
    const file = (pastCache ? this.#uncached : undefined) ?? this.#output;
    try {
      await writeFully(file, bytes, position);
    } catch (error) {
      if (file === this.#output || (error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      // Opened so, and yet not written so: some file systems refuse it here only.
      this.#uncached = undefined;
      await writeFully(this.#output, bytes, position);
    }
  }
}

async function writeFully(file: number, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await writeAsync(file, bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
