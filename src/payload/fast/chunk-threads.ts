import { closeSync, constants } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Worker, WorkerOptions } from 'node:worker_threads';
import type { ChunkSource, ScanJob, WriteJob } from './chunk-job.ts';
import { shared } from './chunk-job.ts';
import { absolutePath } from '../absolute-path.ts';
import { startChunkWorker } from './chunk-worker-start.ts';
import { openUncached } from './page-memory.ts';
import type { ChunkedFile } from '../chunked-file.ts';

/**
 * One more than two processors hides that a disk takes its time; more than that only wait for it, and each
 * takes some 17 MiB.
 */
const maxThreads = 3;
/** A thread takes as long to start as to hash some hundred mebibytes. */
const bytesPerThread = 512 * 1024 * 1024;

/**
 * A thread holds a chunk of the file, a piece to be written and one hash: it needs no heap of the usual size.
 */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

/** What each kind of job adds to what every thread needs. */
type Added<Job extends ScanJob | WriteJob> = Omit<Job, keyof ChunkSource>;

/**
 * Has threads do a job on the payload's chunks until nothing is left of `bytes` bytes, and hands on what they
 * report. Throws the signal's reason when aborted, once they have all ended, and what a thread throws.
 */
export async function runChunkThreads<Report, Job extends ScanJob | WriteJob>(
  { descriptor, chunks, zeroed }: ChunkedFile,
  job: Added<Job>,
  {
    bytes,
    signal,
    onReport,
  }: { bytes: number; signal: AbortSignal | undefined; onReport: (report: Report) => void },
): Promise<void> {
  signal?.throwIfAborted();
  const state = new SharedArrayBuffer(shared.count * Int32Array.BYTES_PER_ELEMENT);
  const stop = () => Atomics.store(new Int32Array(state), shared.stop, 1);
  const uncached = openUncached(descriptor, constants.O_RDONLY);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const source: ChunkSource = {
      file: descriptor,
      uncached,
      state,
      chunkSize: chunks.chunkSize,
      coveredEnd: chunks.coveredEnd,
      zeroed,
    };
    const workerData = { ...source, ...job };
    const most = Math.max(
      1,
      Math.min(availableParallelism() + 1, maxThreads, Math.ceil(bytes / bytesPerThread)),
    );
    const workers = startWorkers(most, { workerData, resourceLimits });
    const ended = await Promise.allSettled(workers.map((worker) => finished(worker, onReport, stop)));
    const failed = ended.find((end) => end.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  } finally {
    signal?.removeEventListener('abort', stop);
    if (uncached !== undefined) closeSync(uncached);
  }
  signal?.throwIfAborted();
}

/** Whether an error says that the host gives us no thread: its limit of processes is reached. */
export const isThreadRefused = (error: unknown): boolean =>
  (error as NodeJS.ErrnoException | undefined)?.code === 'ERR_WORKER_INIT_FAILED';

/** As many as the host gives, one at least. Throws {@link isThreadRefused}. */
function startWorkers(most: number, options: WorkerOptions): Worker[] {
  // A thread cannot start in a folder that was removed.
  absolutePath('.');
  const workers: Worker[] = [];
  try {
    while (workers.length < most) workers.push(startChunkWorker(options));
  } catch (error) {
    if (workers.length === 0 || !isThreadRefused(error)) throw error;
  }
  return workers;
}

function finished<Report>(
  worker: Worker,
  onReport: (report: Report) => void,
  stopOthers: () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.on('message', onReport);
    worker.on('error', (error) => {
      stopOthers();
      reject(error as Error);
    });
    worker.on('exit', () => resolve());
  });
}
