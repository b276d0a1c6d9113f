import { statfsSync } from 'node:fs';
import { IvaapError } from '../errors.ts';
import { roomAt } from './mounts.ts';
import { shellWord } from '../shell-word.ts';

/**
 * Room that is never taken: a full disk stops the database's log, and kubelet evicts pods below a twentieth.
 */
export interface ReserveLimits {
  bytes: number;
  percent: number;
}

export const usualLimits: ReserveLimits = { bytes: 1024 ** 3, percent: 5 };

/** Of a small disk a tenth is enough, and of a large one ten gibibytes are. */
export function reserveOf(totalBytes: number, { bytes, percent }: ReserveLimits): number {
  const part = Math.min((totalBytes * percent) / 100, 10 * 1024 ** 3);
  return Math.round(Math.min(Math.max(bytes, part), totalBytes / 10));
}

const stepBytes = 4 * 1024 * 1024;
const pauseMs = 10;

/** The reserve of the file system that a path is on, for whoever writes much there. */
export class DiskReserve {
  readonly keptBytes: number;
  readonly #folder: string;
  readonly #mountPoint: string;
  #unseenBytes = stepBytes;

  private constructor(folder: string, mountPoint: string, keptBytes: number) {
    this.#folder = folder;
    this.#mountPoint = mountPoint;
    this.keptBytes = keptBytes;
  }

  static async at(path: string, limits: ReserveLimits = usualLimits): Promise<DiskReserve> {
    const { measuredAt, mountPoint, totalBytes } = await roomAt(path);
    return new DiskReserve(measuredAt, mountPoint, reserveOf(totalBytes, limits));
  }

  /** Room for more than the reserve. Where that cannot be measured the write itself will fail. */
  holds(): boolean {
    try {
      return this.#freeBytes() > this.keptBytes;
    } catch {
      return true;
    }
  }

  /** Call before so many bytes are written. Throws 'failed' once only the reserve is left. */
  spend(bytes: number): void {
    this.#unseenBytes += bytes;
    if (this.#unseenBytes < stepBytes) return;
    this.#unseenBytes = 0;
    if (!this.holds()) throw this.#used();
  }

  /** The same bytes, for a writer: it fails in front of the first one that only the reserve has room for. */
  async *spending(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const piece of pieces) {
      this.spend(piece.length);
      yield piece;
    }
  }

  /**
   * For a writer that ends itself when its signal is aborted: throws 'failed' where that was because only the
   * reserve was left.
   */
  async during<T>(signal: AbortSignal | undefined, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const used = new AbortController();
    const look = () => {
      if (!this.holds()) used.abort(this.#used());
    };
    look();
    used.signal.throwIfAborted();
    const timer = setInterval(look, pauseMs);
    try {
      return await work(AbortSignal.any([used.signal, ...(signal === undefined ? [] : [signal])]));
    } catch (error) {
      throw used.signal.aborted ? used.signal.reason : error;
    } finally {
      clearInterval(timer);
    }
  }

  #freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.#folder);
    return bavail * bsize;
  }

  #used(): IvaapError {
    const mib = (bytes: number) => `${Math.round(bytes / 1024 ** 2)} MiB`;
    return new IvaapError(
      'failed',
      `no space left on ${this.#mountPoint}: ${mib(this.#freeBytes())} are free, and ` +
        `${mib(this.keptBytes)} are reserved so that the database and the cluster keep running`,
      { hint: `free space (df -h ${shellWord(this.#mountPoint)}), then run the same command again` },
    );
  }
}
