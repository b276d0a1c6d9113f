import { createHash, type Hash, webcrypto } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { rangesWithin } from './byte-ranges.ts';
import type { PlacedEntry } from './format/entries.ts';
import { crc32Text, localHeader, placedEntries } from './format/entries.ts';
import type { Payload } from './reader.ts';
import { type Damage, headName } from './named-damages.ts';
import { chunkBounds, zeroOut } from './format/chunks.ts';

/** What an entry was found to be, hashed by itself. */
export interface EntryVerdict {
  name: string;
  offset: number;
  size: number;
  /** As read, not as the index says. */
  sha256: string;
  crc32: string;
  verdict: 'intact' | 'damaged';
}

/**
 * What is hashed: nothing, the executable, which is run and not read, or everything and every entry by itself
 * too.
 */
export type Extent = 'none' | 'head' | 'all';

export interface Sha256Check {
  /** Bytes that were hashed. */
  bytes: number;
  /** What the bytes belong to that do not have the SHA-256 of the index. */
  damages: Damage[];
  /** Every entry, when everything was asked for. */
  entries: EntryVerdict[];
}

/**
 * Compares chunks with their SHA-256. The scan's XXH3 finds accidents; only this ties what it has read to the
 * signature. Throws the signal's reason when aborted.
 */
export async function sha256Check(
  payload: Payload,
  extent: Extent,
  { signal, onProgress }: { signal?: AbortSignal; onProgress?: (done: number) => void } = {},
): Promise<Sha256Check> {
  const index = await payload.index();
  const { chunks, headSize } = index;
  const zeroed = { from: headSize, to: payload.indexEnd };
  const ofHead = extent === 'head' ? Math.ceil(headSize / chunks.chunkSize) : 0;
  const count = extent === 'all' ? chunks.hashes.length : ofHead;
  const entries = extent === 'all' ? placedEntries(index, payload.indexEnd).map(entryHasher) : [];
  const within = rangesWithin(entries);
  const result: Sha256Check = { bytes: 0, damages: [], entries: [] };
  const bad: { from: number; to: number }[] = [];
  const read = async (number: number) => {
    const { from, to } = chunkBounds(chunks, number);
    return payload.readAt(from, to - from).catch(() => undefined);
  };
  let next = count > 0 ? read(0) : undefined;
  for (let number = 0; number < count; number += 1) {
    const bytes = await next;
    if (number + 1 < count) next = read(number + 1);
    if (signal?.aborted === true) {
      await next;
      throw signal.reason;
    }
    const { from, to } = chunkBounds(chunks, number);
    if (bytes === undefined) {
      bad.push({ from, to });
      continue;
    }
    zeroOut(bytes, from, zeroed);
    const hashing = webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>);
    for (const { take } of within({ from, to })) take(bytes, from);
    const sha256 = Buffer.from(await hashing).toString('hex');
    if (sha256 !== chunks.hashes[number]?.[1]) bad.push({ from, to });
    result.bytes += to - from;
    onProgress?.(result.bytes);
  }
  for (const [at, entry] of entries.entries()) {
    if (at % 1000 === 999) await nextTurn();
    signal?.throwIfAborted();
    const verdict = await entry.verdict(payload);
    result.entries.push(verdict);
    if (verdict.verdict === 'damaged') result.damages.push(entry.range);
  }
  // No entry explains it: what else there is in the chunks is the executable.
  const explained = rangesWithin([...result.damages]);
  for (const { from, to } of bad) {
    if (explained({ from, to }).length === 0)
      result.damages.push({ what: headName, from, to: Math.min(to, headSize) });
  }
  return result;
}

/** Hashes what of the passing bytes is the entry's. */
function entryHasher(entry: PlacedEntry) {
  const { name, offset, size } = entry;
  let hash: Hash | undefined;
  let crc = 0;
  return {
    from: offset,
    to: offset + size,
    range: { what: name, from: entry.headerOffset, to: offset + size },
    take(bytes: Buffer, at: number): void {
      const start = Math.max(offset - at, 0);
      const end = Math.min(offset + size - at, bytes.length);
      if (start >= end) return;
      const own = bytes.subarray(start, end);
      hash ??= createHash('sha256');
      hash.update(own);
      crc = crc32(own, crc);
    },
    async verdict({ readAt }: Payload): Promise<EntryVerdict> {
      const sha256 = (hash ?? createHash('sha256')).digest('hex');
      const found = { name, offset, size, sha256, crc32: crc32Text(crc) };
      const header = await readAt(entry.headerOffset, offset - entry.headerOffset).catch(() => undefined);
      const intact =
        sha256 === entry.sha256 && found.crc32 === entry.crc32 && header?.equals(localHeader(entry)) === true;
      return { ...found, verdict: intact ? 'intact' : 'damaged' };
    },
  };
}
