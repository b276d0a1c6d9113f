import type { WorkerOptions } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';

/** What a thread of the scan is given. `state`: two 32-bit integers, the next chunk and 1 to stop. */
export interface ScanWorkerData {
  file: number;
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
