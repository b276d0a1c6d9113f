import type { WorkerOptions } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';

/** What a thread of the scan is given. `state`: three 32-bit integers, the next chunk, 1 to stop, and pages brought into the page cache. */
export interface ScanWorkerData {
  file: number;
  /** The same file past the page cache, where that can be. */
  uncached: number | undefined;
  state: SharedArrayBuffer;
  chunkSize: number;
  coveredEnd: number;
  zeroed: { from: number; to: number };
}

/** A chunk's XXH3-128, empty when it could not be read. */
export interface ScannedChunk {
  number: number;
  hash: string;
}

/** The build puts another module in this one's place, which starts the same worker from a string: an executable has no files beside it. */
export function startScanWorker(options: WorkerOptions): Worker {
  return new Worker(new URL('./scan-worker.ts', import.meta.url), options);
}
