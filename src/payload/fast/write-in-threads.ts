import { closeSync, constants } from 'node:fs';
import type { FileHandle } from 'node:fs/promises';
import { writeFully } from '../../host/atomic-file.ts';
import { WriteBack } from '../../host/write-back.ts';
import type { ChunkedFile, Composition } from '../chunked-file.ts';
import { DamagedChunk } from '../chunked-file.ts';
import type { WriteOptions } from '../write-stream.ts';
import type { PieceEdge, WriteJob, WriteReport } from './chunk-job.ts';
import { runChunkThreads } from './chunk-threads.ts';
import { outputPieces } from './output-pieces.ts';
import { openUncached } from './page-memory.ts';
import { hashTable, pieceTable } from './piece-table.ts';

const mostWaitingBytes = 32 * 1024 * 1024;

/**
 * Writes a file in threads: each takes a chunk of the payload, compares it with its SHA-256, and writes what
 * of it belongs to the file to its place, so that the file grows in several places at once and no byte is
 * written that was not proved. Returns the bytes written.
 * @throws DamagedChunk, the signal's reason when aborted, and what a write throws.
 */
export async function writeInThreads(
  file: ChunkedFile,
  { segments, gzip, sizeBytes }: Composition,
  output: FileHandle,
  { signal, onBytes }: WriteOptions,
): Promise<number> {
  const { chunks } = file;
  // At its full length from the start: to make a file longer each time is slow, and a limit says no
  // before anything is written.
  await output.truncate(sizeBytes);
  const pieces = pieceTable(outputPieces(segments, chunks.chunkSize));
  const outputUncached = openUncached(output.fd, constants.O_WRONLY);
  const writeBack = new WriteBack(output);
  const failures: unknown[] = [];
  const edges = new EdgeWriter(output);
  let done = 0;
  const onReport = (report: WriteReport) => {
    try {
      if ('damagedChunk' in report) throw new DamagedChunk(report.damagedChunk);
      if ('failure' in report) throw Object.assign(new Error(report.failure.message), report.failure);
      done += report.size;
      edges.take(report.edges);
      onBytes?.(done);
      // Past the page cache the disk has them already, and a flush would only keep it from the next ones.
      if (outputUncached === undefined) writeBack.wrote(report.size);
    } catch (error) {
      failures.push(error);
    }
  };
  const sha256 = hashTable(chunks.hashes.map((hashes) => hashes[1]));
  const job = { kind: 'write', pieces, sha256, gzip, output: output.fd, outputUncached } as const;
  try {
    await runChunkThreads<WriteReport, WriteJob>(file, job, { bytes: sizeBytes, signal, onReport });
    await writeBack.finish();
  } finally {
    await edges.rest();
    if (outputUncached !== undefined) closeSync(outputUncached);
  }
  const [failure] = failures;
  if (failure !== undefined) throw failure;
  await edges.finish();
  return done;
}

/**
 * Pages that two pieces share. To write them while pieces are under way would have the kernel wait, so they
 * are kept to the end; of a file of terabytes they are gibibytes, so now and then they are written all the
 * same.
 */
class EdgeWriter {
  readonly #output: FileHandle;
  #waiting: PieceEdge[] = [];
  #waitingBytes = 0;
  #writing: Promise<void> = Promise.resolve();

  constructor(output: FileHandle) {
    this.#output = output;
  }

  take(edges: readonly PieceEdge[]): void {
    for (const edge of edges) {
      this.#waiting.push(edge);
      this.#waitingBytes += edge.bytes.length;
    }
    if (this.#waitingBytes > mostWaitingBytes) this.#begin();
  }

  #begin(): void {
    const batch = this.#waiting;
    this.#waiting = [];
    this.#waitingBytes = 0;
    this.#writing = this.#writing.then(async () => {
      for (const { position, bytes } of batch) await writeFully(this.#output, bytes, position);
    });
    // Thrown by `finish`: until then a failure must not count as unhandled.
    this.#writing.catch(() => undefined);
  }

  /** Nothing is in progress when this has ended, also when it failed. */
  async rest(): Promise<void> {
    await this.#writing.catch(() => undefined);
  }

  /** Throws what a write threw. */
  async finish(): Promise<void> {
    this.#begin();
    await this.#writing;
  }
}
