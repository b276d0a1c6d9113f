import type { WorkerOptions } from 'node:worker_threads';
import { Worker } from 'node:worker_threads';

/**
 * The build puts another module in this one's place, which starts the same worker from a string: an
 * executable has no files next to it.
 */
export function startChunkWorker(options: WorkerOptions): Worker {
  return new Worker(new URL('./chunk-worker.ts', import.meta.url), options);
}
