import { createHash } from 'node:crypto';
import { closeSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { IvaapError } from '../errors.ts';
import { openUncached } from './cache-sparing-read.ts';
import { placedEntries } from './index-check.ts';
import type { PlacedEntry } from './index-check.ts';
import type { Payload } from './reader.ts';
import { startScanWorker } from './scan-worker-start.ts';
import type { ScannedChunk, ScanWorkerData } from './scan-worker-start.ts';
import { chunkBounds } from './verified-read.ts';
import { localHeader } from './zip-records.ts';

/** Damaged bytes [from, to) of the file and what they belong to. */
export interface Damage {
  what: string;
  from: number;
  to: number;
}

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
  threads?: number;
}

/** More threads than this wait for the disk, and each takes some 17 MiB. */
const maxThreads = 3;

/**
 * Reads the whole file once and compares every byte with the index by XXH3-128 per chunk, in threads. What lies outside the
 * chunks (index, zip directory, trailer) was checked by SHA-256 when the index was read. Throws the signal's reason when aborted, and IvaapError `payload` when the index itself is damaged.
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
  throw new IvaapError('payload', `the payload of ${payload.spokenName} is damaged: ${list}`, {
    hint: 'download the file again',
  });
}

/** A thread holds one piece of the file and one hash: it needs no heap of the usual size. */
const resourceLimits = { maxYoungGenerationSizeMb: 2, maxOldGenerationSizeMb: 32 };

async function damagedChunks(payload: Payload, options: ScanOptions): Promise<number[]> {
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const { chunks, headSize } = await payload.index();
  const state = new SharedArrayBuffer(12);
  const threads = Math.max(
    1,
    Math.min(options.threads ?? availableParallelism(), maxThreads, chunks.hashes.length),
  );
  const damaged: number[] = [];
  let done = 0;
  const seen = ({ number, hash }: ScannedChunk) => {
    const { from, to } = chunkBounds(chunks, number);
    if (hash !== chunks.hashes[number]?.[0]) damaged.push(number);
    done += to - from;
    onProgress?.({ done, total: payload.trailer.fileSize });
  };
  const stop = () => Atomics.store(new Int32Array(state), 1, 1);
  const uncached = openUncached(payload.descriptor);
  signal?.addEventListener('abort', stop, { once: true });
  try {
    const workerData: ScanWorkerData = {
      file: payload.descriptor,
      uncached,
      state,
      chunkSize: chunks.chunkSize,
      coveredEnd: chunks.coveredEnd,
      zeroed: { from: headSize, to: payload.indexEnd },
    };
    const workers = Array.from({ length: threads }, () => startScanWorker({ workerData, resourceLimits }));
    await Promise.all(workers.map((worker) => finished(worker, seen)));
  } finally {
    signal?.removeEventListener('abort', stop);
    if (uncached !== undefined) closeSync(uncached);
  }
  signal?.throwIfAborted();
  if (done !== chunks.coveredEnd)
    throw new IvaapError('bug', `the scan read ${done} of ${chunks.coveredEnd} bytes`);
  return damaged.sort((a, b) => a - b);
}

function finished(worker: Worker, seen: (chunk: ScannedChunk) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.on('message', seen);
    worker.on('error', reject);
    worker.on('exit', () => resolve());
  });
}

/** From damaged chunks to what lies in them: each entry in reach is checked by itself, what no entry explains is the head's. */
export async function namedDamages(
  payload: Payload,
  numbers: readonly number[],
  signal?: AbortSignal,
): Promise<Damage[]> {
  const index = await payload.index();
  const entries = placedEntries(index, payload.indexEnd);
  const verdicts = new Map<string, boolean>();
  const isWhole = async (entry: PlacedEntry): Promise<boolean> => {
    const verdict = verdicts.get(entry.name) ?? (await matchesIndex(payload, entry, signal));
    verdicts.set(entry.name, verdict);
    return verdict;
  };
  const damages: Damage[] = [];
  for (const number of numbers) {
    const { from, to } = chunkBounds(index.chunks, number);
    const found: Damage[] = [];
    for (const entry of entries) {
      const end = entry.offset + entry.size;
      if (entry.headerOffset >= to || end <= from || (await isWhole(entry))) continue;
      found.push({ what: entry.name, from: Math.max(from, entry.headerOffset), to: Math.min(to, end) });
    }
    if (found.length === 0)
      found.push({ what: 'the executable itself', from, to: Math.min(to, index.headSize) });
    for (const damage of found) {
      const before = damages.at(-1);
      if (before?.what === damage.what && before.to === damage.from) before.to = damage.to;
      else damages.push(damage);
    }
  }
  return damages;
}

async function matchesIndex(
  payload: Payload,
  entry: PlacedEntry,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const header = await payload.readAt(entry.headerOffset, entry.offset - entry.headerOffset);
  if (!header.equals(localHeader(entry))) return false;
  const hash = createHash('sha256');
  const pieceSize = 4 * 1024 * 1024;
  for (let done = 0; done < entry.size; done += pieceSize) {
    signal?.throwIfAborted();
    const length = Math.min(pieceSize, entry.size - done);
    try {
      hash.update(await payload.readAt(entry.offset + done, length));
    } catch {
      return false;
    }
  }
  return hash.digest('hex') === entry.sha256;
}
