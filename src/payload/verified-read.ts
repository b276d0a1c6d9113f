import { webcrypto } from 'node:crypto';
import { IvaapError } from '../errors.ts';
import type { PayloadIndex } from './format/index-schema.ts';
import type { ReadAt } from './position-reader.ts';

/** What verified reads need of a payload. */
export interface ChunkedFile {
  readAt: ReadAt;
  chunks: PayloadIndex['chunks'];
  /** index.json's own entry, local header and content, which counts as zeros in the chunk hashes. */
  zeroed: { from: number; to: number };
}

/** A chunk that is not as its hash says. Which of the entries in it is damaged its hash cannot say. */
export class DamagedChunk extends Error {
  override readonly name = 'DamagedChunk';
  readonly number: number;

  constructor(number: number, cause?: unknown) {
    super(`chunk ${number} is damaged`, { cause });
    this.number = number;
  }
}

/** How many chunks are read and hashed ahead, in libuv's threads: SHA-256 on one core would be slower than a disk. */
const readAhead = 3;

/** The error for damaged bytes [from, to) of a file. */
export function damagedRange(
  file: string,
  what: string,
  from: number,
  to: number,
  cause?: unknown,
): IvaapError {
  return new IvaapError(
    'payload',
    `the payload is damaged in ${what} (bytes ${from} to ${to - 1} of ${file})`,
    {
      hint: 'download the file again; `verify` names every damaged part',
      ...(cause === undefined ? {} : { cause }),
    },
  );
}

/** The bounds of chunk `number`. */
export function chunkBounds(
  chunks: Pick<PayloadIndex['chunks'], 'chunkSize' | 'coveredEnd'>,
  number: number,
): { from: number; to: number } {
  const from = number * chunks.chunkSize;
  return { from, to: Math.min(from + chunks.chunkSize, chunks.coveredEnd) };
}

/** Sets to zero what of [from, from + bytes.length) lies in `zeroed`. */
export function zeroOut(bytes: Uint8Array, from: number, zeroed: { from: number; to: number }): void {
  const start = Math.max(zeroed.from - from, 0);
  const end = Math.min(zeroed.to - from, bytes.length);
  if (start < end) bytes.fill(0, start, end);
}

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

/** Bytes [from, to) of the file in order, each piece checked against its chunk's SHA-256 before it is handed on. Throws {@link DamagedChunk}. */
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
