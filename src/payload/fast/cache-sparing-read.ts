import { openSync, readSync } from 'node:fs';
import { pageMemory, pageSize } from './page-memory.ts';

/**
 * Bytes of one read from the page cache: they stay in a core's own cache until they are hashed, larger ones
 * take twice the time.
 */
const cachedPiece = 256 * 1024;
/** Bytes of one read from the disk; a multiple of every page and block size. */
const diskPiece = 1024 * 1024;
/**
 * Threads together leave at most this much of the file in the page cache that was not there before, and what
 * was under way.
 */
const sparedBytes = 32 * 1024 * 1024;

export interface SparingFile {
  file: number;
  /** From `openUncached`. */
  uncached: number | undefined;
  /** One 32-bit integer that all threads share: pages that their reads have brought into the page cache. */
  pagesBrought: Int32Array;
}

/**
 * Reads a large file in one thread without driving other files out of memory: what is in the page cache
 * comes from there, which is fast, and the rest past it. Which of the two a piece is, the kernel reports by
 * counting the bytes that this thread had fetched from the disk. Must be made in the thread that reads.
 */
export class CacheSparingReader {
  readonly #file: SparingFile;
  readonly #memory: Uint8Array;
  readonly #count = openCount();
  readonly #counted = Buffer.alloc(1024);
  #fetched: number;
  #fromCache = true;

  /** `wholeBytes`: the longest part that will be read in one piece. */
  constructor(file: SparingFile, wholeBytes = 0) {
    this.#file = file;
    this.#memory = pageMemory(
      Math.max(Math.ceil(wholeBytes / pageSize) * pageSize, diskPiece),
      file.uncached,
    );
    this.#fetched = this.#fetchedBytes();
  }

  /**
   * The bytes [from, to) in pieces, each good until the next one is taken. Throws RangeError when the file
   * ends before, and what a read throws.
   */
  *pieces(from: number, to: number): Generator<Uint8Array> {
    this.#begin(from, to);
    for (let position = from; position < to;) {
      const bytes = this.#read(position, to, 0);
      yield this.#memory.subarray(0, bytes);
      position += bytes;
    }
  }

  /** The bytes [from, to) in one piece, valid until the next read. Throws as {@link pieces}. */
  whole(from: number, to: number): Uint8Array {
    this.#begin(from, to);
    for (let position = from; position < to;) position += this.#read(position, to, position - from);
    return this.#memory.subarray(0, to - from);
  }

  /** Looks at one page of the part that is read next; another one each time, for it stays in the cache. */
  #begin(from: number, to: number): void {
    this.#fromCache = true;
    const { uncached, pagesBrought } = this.#file;
    if (uncached === undefined) return;
    if (this.#count === undefined || Atomics.load(pagesBrought, 0) * pageSize > sparedBytes) {
      this.#fromCache = false;
      return;
    }
    this.#fetched = this.#fetchedBytes();
    const page = Math.floor((Math.random() * (to - from)) / pageSize);
    this.#readCached(from + page * pageSize, 0, 1);
  }

  /** Reads the next piece before `end` into memory at `at`, and returns its size. */
  #read(position: number, end: number, at: number): number {
    const wanted = Math.min(end - position, this.#fromCache ? cachedPiece : diskPiece);
    const read = this.#fromCache
      ? this.#readCached(position, at, wanted)
      : this.#readUncached(position, at, wanted);
    if (read === 0) throw new RangeError('the file became shorter');
    return Math.min(read, wanted);
  }

  #readCached(position: number, at: number, length: number): number {
    const bytes = readSync(this.#file.file, this.#memory, at, length, position);
    const before = this.#fetched;
    this.#fetched = this.#fetchedBytes();
    const brought = this.#fetched - before;
    if (brought > 0 && this.#file.uncached !== undefined) {
      Atomics.add(this.#file.pagesBrought, 0, Math.ceil(brought / pageSize));
      this.#fromCache = false;
    }
    return bytes;
  }

  #readUncached(position: number, at: number, length: number): number {
    const { uncached, file } = this.#file;
    if (uncached === undefined || position % pageSize !== 0 || at % pageSize !== 0)
      return readSync(file, this.#memory, at, length, position);
    try {
      const whole = Math.ceil(length / pageSize) * pageSize;
      return readSync(uncached, this.#memory, at, whole, position);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EINVAL') throw error;
      // Opened so, and yet not read so: some file systems refuse it here only.
      this.#file.uncached = undefined;
      return readSync(file, this.#memory, at, length, position);
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
