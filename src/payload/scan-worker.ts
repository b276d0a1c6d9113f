import { readSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { createXXHash128 } from 'hash-wasm';
import type { ScanWorkerData, ScannedChunk } from './scan-worker-start.ts';
import { zeroOut } from './verified-read.ts';

/**
 * A thread of the scan: takes the next chunk until none is left, so that all threads together read the file from front to back.
 * The descriptor is the main thread's: threads share them.
 */
async function scan({ file, state, chunkSize, coveredEnd, zeroed }: ScanWorkerData): Promise<void> {
  const xxh128 = await createXXHash128();
  const next = new Int32Array(state);
  const piece = Buffer.alloc(1024 * 1024);
  for (;;) {
    const number = Atomics.add(next, 0, 1);
    const from = number * chunkSize;
    const stopped = Atomics.load(next, 1) === 1;
    if (from >= coveredEnd || stopped) return;
    const to = Math.min(from + chunkSize, coveredEnd);
    let hash = '';
    try {
      xxh128.init();
      for (let position = from; position < to;) {
        const bytes = readSync(file, piece, 0, Math.min(piece.length, to - position), position);
        if (bytes === 0) throw new RangeError('the file became shorter');
        const read = piece.subarray(0, bytes);
        zeroOut(read, position, zeroed);
        xxh128.update(read);
        position += bytes;
      }
      hash = xxh128.digest('hex');
    } catch {
      // A piece that cannot be read counts as damaged: its hash stays empty and matches nothing.
    }
    parentPort?.postMessage({ number, hash } satisfies ScannedChunk);
  }
}

void scan(workerData as ScanWorkerData);
