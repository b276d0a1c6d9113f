import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import { rangesWithin } from './byte-ranges.ts';
import { runChunkThreads } from './chunk-threads.ts';
import type { ScanJob, ScannedChunk } from './chunk-job.ts';
import { placedEntries } from './format/index-check.ts';
import type { PlacedEntry } from './format/index-check.ts';
import type { Payload } from './reader.ts';
import { chunkBounds } from './verified-read.ts';
import { localHeader } from './format/zip-records.ts';

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
}

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

async function damagedChunks(payload: Payload, options: ScanOptions): Promise<number[]> {
  const { signal, onProgress } = options;
  const { chunks } = await payload.index();
  const damaged: number[] = [];
  let done = 0;
  const onReport = ({ number, hash }: ScannedChunk) => {
    const { from, to } = chunkBounds(chunks, number);
    if (hash !== chunks.hashes[number]?.[0]) damaged.push(number);
    done += to - from;
    onProgress?.({ done, total: payload.trailer.fileSize });
  };
  const bytes = chunks.coveredEnd;
  await runChunkThreads<ScannedChunk, ScanJob>(payload, { kind: 'scan' }, { bytes, signal, onReport });
  if (done !== chunks.coveredEnd)
    throw new IvaapError('bug', `the scan read ${done} of ${chunks.coveredEnd} bytes`);
  return damaged.sort((a, b) => a - b);
}

/** From damaged chunks to what lies in them: each entry in reach is checked by itself, what no entry explains is the head's. */
export async function namedDamages(
  payload: Payload,
  numbers: readonly number[],
  signal?: AbortSignal,
): Promise<Damage[]> {
  const index = await payload.index();
  const within = rangesWithin(
    placedEntries(index, payload.indexEnd).map((entry) => ({
      entry,
      from: entry.headerOffset,
      to: entry.offset + entry.size,
    })),
  );
  const verdicts = new Map<string, boolean>();
  const isWhole = async (entry: PlacedEntry): Promise<boolean> => {
    const verdict = verdicts.get(entry.name) ?? (await matchesIndex(payload, entry, signal));
    verdicts.set(entry.name, verdict);
    return verdict;
  };
  const damages: Damage[] = [];
  for (const [at, number] of numbers.entries()) {
    // Whoever asks to stop is heard, also where nothing has to be read.
    if (at % 1000 === 999) await nextTurn();
    signal?.throwIfAborted();
    const { from, to } = chunkBounds(index.chunks, number);
    const found: Damage[] = [];
    for (const { entry, ...range } of within({ from, to })) {
      if (await isWhole(entry)) continue;
      found.push({ what: entry.name, from: Math.max(from, range.from), to: Math.min(to, range.to) });
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
  const headerSize = entry.offset - entry.headerOffset;
  const header = await payload.readAt(entry.headerOffset, headerSize).catch(() => undefined);
  if (header?.equals(localHeader(entry)) !== true) return false;
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
