import { constants, openSync, readSync } from 'node:fs';

/** Bytes of one read; a multiple of every page and block size. */
const pieceSize = 1024 * 1024;
const pageSize = 4096;
/** Threads together leave at most this much of the file in the page cache that was not there before, and what was under way. */
const sparedBytes = 32 * 1024 * 1024;

/** The same file once more, past the page cache; undefined where its file system does not do that. */
export function openUncached(descriptor: number): number | undefined {
  try {
    return openSync(`/proc/self/fd/${descriptor}`, constants.O_RDONLY | constants.O_DIRECT);
  } catch {
    return undefined;
  }
}

/** What TypeScript's own types leave out where there is no browser. */
const { Memory } = (
  globalThis as unknown as {
    WebAssembly: { Memory: new (pages: { initial: number }) => { buffer: ArrayBuffer } };
  }
).WebAssembly;

export interface SparingFile {
  file: number;
  /** From {@link openUncached}. */
  uncached: number | undefined;
  /** One 32-bit integer that all threads share: pages that their reads have brought into the page cache. */
  pagesBrought: Int32Array;
}

/**
 * Reads a large file in one thread without driving other files out of memory: what lies in the page cache comes from there, which
 * is fast, and the rest past it. Which of the two a piece is, the kernel tells by counting the bytes that this thread had fetched
 * from the disk. Must be made in the thread that reads.
 */
export class CacheSparingReader {
  readonly #file: SparingFile;
  /** WebAssembly's memory begins at a page, as reads past the page cache demand. */
  readonly #piece = new Uint8Array(new Memory({ initial: pieceSize / 65_536 }).buffer);
  readonly #count = openCount();
  readonly #counted = Buffer.alloc(1024);
  #fromCache = true;

  constructor(file: SparingFile) {
    this.#file = file;
  }

  /** Bytes at `position`, at most `length` and one piece of them, good until the next read; empty at the end of the file. */
  read(position: number, length: number): Uint8Array {
    const wanted = Math.min(length, pieceSize);
    const bytes = this.#fromCache ? this.#readCached(position, wanted) : this.#readUncached(position, wanted);
    return this.#piece.subarray(0, Math.min(bytes, wanted));
  }

  /** Looks at one page of the part [from, to) that is read next; another one each time, for it stays in the cache. */
  begin(from: number, to: number): void {
    this.#fromCache = true;
    const { uncached, pagesBrought } = this.#file;
    if (uncached === undefined) return;
    if (this.#count === undefined || Atomics.load(pagesBrought, 0) * pageSize > sparedBytes) {
      this.#fromCache = false;
      return;
    }
    const page = Math.floor((Math.random() * (to - from)) / pageSize);
    this.#readCached(from + page * pageSize, 1);
  }

  #readCached(position: number, length: number): number {
    const before = this.#fetchedBytes();
    const bytes = readSync(this.#file.file, this.#piece, 0, length, position);
    const brought = this.#fetchedBytes() - before;
    if (brought > 0 && this.#file.uncached !== undefined) {
      Atomics.add(this.#file.pagesBrought, 0, Math.ceil(brought / pageSize));
      this.#fromCache = false;
    }
    return bytes;
  }

  #readUncached(position: number, length: number): number {
    const { uncached, file } = this.#file;
    if (uncached === undefined || position % pageSize !== 0)
      return readSync(file, this.#piece, 0, length, position);
    try {
      const whole = Math.ceil(length / pageSize) * pageSize;
      return readSync(uncached, this.#piece, 0, whole, position);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      // Opened so, and yet not read so: some file systems refuse it here only.
      this.#file.uncached = undefined;
      return readSync(file, this.#piece, 0, length, position);
    }
  }

  #fetchedBytes(): number {
    if (this.#count === undefined) return 0;
    const length = readSync(this.#count, this.#counted, 0, this.#counted.length, 0);
    return Number(/^read_bytes: (\d+)$/m.exec(this.#counted.toString('latin1', 0, length))?.[1] ?? 0);
  }
}

/** The kernel's count of what this thread had fetched from disks; undefined where it keeps none. */
function openCount(): number | undefined {
  try {
    return openSync('/proc/thread-self/io', 'r');
  } catch {
    return undefined;
  }
}
