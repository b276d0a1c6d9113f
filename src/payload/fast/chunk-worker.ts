import { hash } from 'node:crypto';
import { parentPort, workerData } from 'node:worker_threads';
import { createXXHash128 } from 'hash-wasm';
import { CacheSparingReader } from './cache-sparing-read.ts';
import type { ScanJob, WriteJob, WriteReport } from './chunk-job.ts';
import type { ScannedChunk } from '../chunked-file.ts';
import { shared } from './chunk-job.ts';
import { Pieces } from './piece-table.ts';
import { PieceWriter } from './piece-writer.ts';
import { chunkBounds, zeroOut } from '../format/chunks.ts';

/**
 * A thread that reads chunks: takes the next one until none is left, so that all threads together read the
 * file from front to back.
 */

const job = workerData as ScanJob | WriteJob;
const state = new Int32Array(job.state);
const isStopped = () => Atomics.load(state, shared.stop) === 1;
const takeNext = () => Atomics.add(state, shared.next, 1);
const reader = new CacheSparingReader(
  { file: job.file, uncached: job.uncached, pagesBrought: state.subarray(shared.pagesBrought) },
  job.kind === 'write' ? job.chunkSize : 0,
);

async function scan({ coveredEnd, zeroed, chunkSize }: ScanJob): Promise<void> {
  const xxh128 = await createXXHash128();
  for (;;) {
    const number = takeNext();
    if (number * chunkSize >= coveredEnd || isStopped()) return;
    const { from, to } = chunkBounds(job, number);
    let found = '';
    try {
      xxh128.init();
      let position = from;
      for (const piece of reader.pieces(from, to)) {
        // A slow disk takes long for a chunk: whoever stops us does not wait for all of it.
        if (isStopped()) return;
        zeroOut(piece, position, zeroed);
        xxh128.update(piece);
        position += piece.length;
      }
      found = xxh128.digest('hex');
    } catch {
      // A piece that cannot be read counts as damaged: its hash stays empty and matches nothing.
    }
    parentPort?.postMessage({ number, hash: found } satisfies ScannedChunk);
  }
}

/** The bytes of a chunk, undefined when they are not those that were packed. */
function provedChunk(number: number, { zeroed, sha256 }: WriteJob): Uint8Array | undefined {
  const { from, to } = chunkBounds(job, number);
  try {
    const bytes = reader.whole(from, to);
    zeroOut(bytes, from, zeroed);
    return Buffer.from(sha256, number * 32, 32).equals(hash('sha256', bytes, 'buffer')) ? bytes : undefined;
  } catch {
    return undefined;
  }
}

function write(work: WriteJob): void {
  const report = (message: WriteReport) => parentPort?.postMessage(message);
  const end = (message: WriteReport) => {
    Atomics.store(state, shared.stop, 1);
    report(message);
  };
  const pieces = new Pieces(work.pieces);
  const writer = new PieceWriter(work, pieces);
  for (;;) {
    const piece = pieces.at(takeNext());
    if (piece === undefined || isStopped()) return;
    const chunk = piece.chunk === undefined ? new Uint8Array(0) : provedChunk(piece.chunk, work);
    if (chunk === undefined) return end({ damagedChunk: piece.chunk! });
    try {
      report(writer.write(piece, chunk));
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      return end({ failure: { code, message } });
    }
  }
}

if (job.kind === 'scan') void scan(job);
else write(job);
