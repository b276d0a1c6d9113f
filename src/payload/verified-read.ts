import { webcrypto } from 'node:crypto';
import type { ChunkedFile } from './chunked-file.ts';
import { DamagedChunk } from './chunked-file.ts';
import { chunkBounds, zeroOut } from './format/chunks.ts';
import type { ZipEntry } from './format/entries.ts';
import { localHeader } from './format/entries.ts';
import { damagedRange } from './payload-errors.ts';
import type { ReadAt } from './position-reader.ts';

/** Throws IvaapError `payload` when an entry's local header is not the one that the index implies. */
export async function assertHeader(
  { readAt, displayName }: { readAt: ReadAt; displayName: string },
  entry: ZipEntry,
): Promise<void> {
  const implied = localHeader(entry);
  const found = await readAt(entry.headerOffset, implied.length);
  if (!found.equals(implied))
    throw damagedRange(displayName, `${entry.name} (its header)`, entry.headerOffset, entry.offset);
}

/**
 * How many chunks are read and hashed ahead, in libuv's threads: SHA-256 on one core would be slower than a
 * disk.
 */
const readAhead = 3;

async function provedChunk(file: ChunkedFile, number: number): Promise<Buffer> {
  const { from, to } = chunkBounds(file.chunks, number);
  let bytes: Buffer;
  try {
    bytes = await file.readAt(from, to - from);
  } catch (cause) {
    throw new DamagedChunk(number, cause);
  }
  zeroOut(bytes, from, file.zeroed);
  const sha256 = Buffer.from(await webcrypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>));
  if (sha256.toString('hex') !== file.chunks.hashes[number]?.[1]) throw new DamagedChunk(number);
  return bytes;
}

/**
 * Bytes [from, to) of the file in order, each piece checked against its chunk's SHA-256 before it is handed
 * on. Throws {@link DamagedChunk}.
 */
export async function* provedBytes(file: ChunkedFile, from: number, to: number): AsyncGenerator<Buffer> {
  if (from >= to) return;
  const last = Math.floor((to - 1) / file.chunks.chunkSize);
  let next = Math.floor(from / file.chunks.chunkSize);
  const ahead: Promise<Buffer>[] = [];
  try {
    for (let number = next; number <= last; number += 1) {
      for (; next <= last && ahead.length < readAhead; next += 1) {
        const chunk = provedChunk(file, next);
        // Awaited in its turn: until then a failure must not count as unhandled.
        chunk.catch(() => {});
        ahead.push(chunk);
      }
      const bytes = await ahead.shift()!;
      const start = number * file.chunks.chunkSize;
      yield bytes.subarray(Math.max(from - start, 0), Math.min(to - start, bytes.length));
    }
  } finally {
    // A consumer may stop early and close the file: no read may still be under way then.
    await Promise.allSettled(ahead);
  }
}
