import { parentPort, workerData } from 'node:worker_threads';
import { createXXHash128 } from 'hash-wasm';
import { CacheSparingReader } from './cache-sparing-read.ts';
import type { ScanWorkerData, ScannedChunk } from './scan-worker-start.ts';
import { zeroOut } from './verified-read.ts';

/**
 * A thread of the scan: takes the next chunk until none is left, so that all threads together read the file from front to back.
 * The descriptors are the main thread's: threads share them.
 */
async function scan({ file, uncached, state, ...part }: ScanWorkerData): Promise<void> {
  const xxh128 = await createXXHash128();
  const { chunkSize, coveredEnd, zeroed } = part;
  const shared = new Int32Array(state);
  const stopped = () => Atomics.load(shared, 1) === 1;
  const reader = new CacheSparingReader({ file, uncached, pagesBrought: shared.subarray(2) });
  for (;;) {
    const number = Atomics.add(shared, 0, 1);
    const from = number * chunkSize;
    if (from >= coveredEnd || stopped()) return;
    const to = Math.min(from + chunkSize, coveredEnd);
    let hash = '';
    try {
      xxh128.init();
      reader.begin(from, to);
      for (let position = from; position < to;) {
        // A slow disk takes long for a chunk: whoever stops us does not wait for all of it.
        if (stopped()) return;
        const read = reader.read(position, to - position);
        if (read.length === 0) throw new RangeError('the file became shorter');
        zeroOut(read, position, zeroed);
        xxh128.update(read);
        position += read.length;
      }
      hash = xxh128.digest('hex');
    } catch {
      // A piece that cannot be read counts as damaged: its hash stays empty and matches nothing.
    }
    parentPort?.postMessage({ number, hash } satisfies ScannedChunk);
  }
}

void scan(workerData as ScanWorkerData);
