import { IvaapError } from '../errors.ts';
import { chunkIo } from './chunk-io.ts';
import type { ChunkIo, ScannedChunk } from './chunked-file.ts';
import { chunkBounds } from './format/chunks.ts';
import type { Damage } from './named-damages.ts';
import { namedDamages } from './named-damages.ts';
import { copyAgain } from './payload-errors.ts';
import type { Payload } from './reader.ts';

export interface ScanResult {
  /** Bytes of the file, all of which were read. */
  bytes: number;
  chunks: number;
  durationMs: number;
  damages: Damage[];
}

export interface ScanOptions {
  onProgress?: (progress: { done: number; total: number }) => void;
  signal?: AbortSignal;
  io?: ChunkIo;
}

/**
 * Reads the whole file once and compares every byte with the index by XXH3-128 per chunk, in threads. What
 * is outside the chunks (index, zip directory, trailer) was checked by SHA-256 when the index was read.
 * Throws the signal's reason when aborted, and IvaapError `payload` when the index itself is damaged.
 */
export async function scanPayload(payload: Payload, options: ScanOptions = {}): Promise<ScanResult> {
  const started = performance.now();
  const index = await payload.index();
  const total = payload.trailer.fileSize;
  const damaged = await damagedChunks(payload, options);
  const damages = await namedDamages(payload, damaged, options.signal);
  options.onProgress?.({ done: total, total });
  const chunks = index.chunks.hashes.length;
  return { bytes: total, chunks, durationMs: performance.now() - started, damages };
}

/** Throws IvaapError `payload` that names every damaged part, unless there is none. */
export function assertIntact(payload: Payload, { damages }: Pick<ScanResult, 'damages'>): void {
  if (damages.length === 0) return;
  const list = damages.map(({ what, from, to }) => `${what} (bytes ${from} to ${to - 1})`).join(', ');
  throw new IvaapError('payload', `the payload of ${payload.displayName} is damaged: ${list}`, {
    hint: copyAgain,
  });
}

async function damagedChunks(payload: Payload, options: ScanOptions): Promise<number[]> {
  const { signal, onProgress, io = chunkIo } = options;
  const { chunks } = await payload.index();
  const damaged: number[] = [];
  let done = 0;
  const onChunk = ({ number, hash }: ScannedChunk) => {
    const { from, to } = chunkBounds(chunks, number);
    if (hash !== chunks.hashes[number]?.[0]) damaged.push(number);
    done += to - from;
    onProgress?.({ done, total: payload.trailer.fileSize });
  };
  await io.scan(await payload.chunkedFile(), { signal, onChunk });
  if (done !== chunks.coveredEnd)
    throw new IvaapError('bug', `the scan read ${done} of ${chunks.coveredEnd} bytes`);
  return damaged.sort((a, b) => a - b);
}
