import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync, readSync, writeSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parentPort } from 'node:worker_threads';
import { crc32, createGunzip, createZstdDecompress } from 'node:zlib';
import { createXXHash128 } from 'hash-wasm';
import { storedGzipParts } from '../src/images/archive-gzip.ts';
import type { ArchivePart } from '../src/images/archive-layout.ts';
import { tarStream } from '../src/images/archive-stream.ts';
import { zeroOut } from '../src/payload/verified-read.ts';
import type { LayerCompression } from './oci-layout.ts';

/** Work of the packer that is bound by processors: files are read by position, through descriptors that all threads share. */
export type HashTask =
  | { kind: 'copy'; path: string; from: number; size: number; output: number; offset: number }
  | { kind: 'digest'; file: number; offset: number; size: number }
  | { kind: 'chunk'; file: number; from: number; to: number; zeroed: { from: number; to: number } }
  | {
      kind: 'archive';
      file: number;
      parts: ArchivePart[];
      tarSize: number;
      blobs: Map<string, { offset: number; size: number }>;
    }
  | { kind: 'inflate'; path: string; from: number; size: number; compression: LayerCompression };

export interface HashResult {
  size: number;
  sha256: string;
  crc32: string;
  xxh128: string;
}

/** One buffer for all reads of this thread: every piece is used up before the next one is read. */
const buffer = Buffer.alloc(1024 * 1024);
const hex32 = (value: number): string => value.toString(16).padStart(8, '0');

function* readPieces(file: number, offset: number, size: number): Generator<Buffer> {
  for (let done = 0; done < size;) {
    const bytes = readSync(file, buffer, 0, Math.min(buffer.length, size - done), offset + done);
    if (bytes === 0) throw new Error(`ends at byte ${offset + done}, before its ${size} bytes`);
    yield buffer.subarray(0, bytes);
    done += bytes;
  }
}

function copy(task: HashTask & { kind: 'copy' }): Partial<HashResult> {
  const sha256 = createHash('sha256');
  let crc = 0;
  let position = task.offset;
  const input = openSync(task.path, 'r');
  try {
    for (const piece of readPieces(input, task.from, task.size)) {
      sha256.update(piece);
      crc = crc32(piece, crc);
      for (let done = 0; done < piece.length;)
        done += writeSync(task.output, piece, done, piece.length - done, position + done);
      position += piece.length;
    }
  } finally {
    closeSync(input);
  }
  return { size: task.size, sha256: sha256.digest('hex'), crc32: hex32(crc) };
}

/** Of bytes that lie in the output already. */
function digest({ file, offset, size }: HashTask & { kind: 'digest' }): Partial<HashResult> {
  const sha256 = createHash('sha256');
  let crc = 0;
  for (const piece of readPieces(file, offset, size)) {
    sha256.update(piece);
    crc = crc32(piece, crc);
  }
  return { size, sha256: sha256.digest('hex'), crc32: hex32(crc) };
}

const xxh128 = await createXXHash128();

function chunk({ file, from, to, zeroed }: HashTask & { kind: 'chunk' }): Partial<HashResult> {
  const sha256 = createHash('sha256');
  xxh128.init();
  let position = from;
  for (const piece of readPieces(file, from, to - from)) {
    zeroOut(piece, position, zeroed);
    sha256.update(piece);
    xxh128.update(piece);
    position += piece.length;
  }
  return { size: to - from, sha256: sha256.digest('hex'), xxh128: xxh128.digest('hex') };
}

async function archive(task: HashTask & { kind: 'archive' }): Promise<Partial<HashResult>> {
  const sha256 = createHash('sha256');
  let crc = 0;
  async function* blob(digest: string): AsyncGenerator<Buffer> {
    const { offset, size } = task.blobs.get(digest)!;
    yield* readPieces(task.file, offset, size);
  }
  // A message between threads turns each Buffer into a plain Uint8Array.
  const parts = task.parts.map((part) =>
    'bytes' in part.content ? { ...part, content: { bytes: Buffer.from(part.content.bytes) } } : part,
  );
  async function* counted(): AsyncGenerator<Buffer> {
    for await (const piece of tarStream(parts, blob)) {
      crc = crc32(piece, crc);
      yield piece;
    }
  }
  let size = 0;
  for await (const parts of storedGzipParts(counted(), task.tarSize, () => crc)) {
    for (const part of parts) {
      sha256.update(part);
      size += part.length;
    }
  }
  return { size, sha256: sha256.digest('hex'), crc32: hex32(crc) };
}

async function inflate(task: HashTask & { kind: 'inflate' }): Promise<Partial<HashResult>> {
  const sha256 = createHash('sha256');
  let size = 0;
  const decompress = task.compression === 'zstd' ? createZstdDecompress() : createGunzip();
  const layer = createReadStream(task.path, { start: task.from, end: task.from + task.size - 1 });
  await pipeline(layer, decompress, async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      sha256.update(piece);
      size += piece.length;
    }
  });
  return { size, sha256: sha256.digest('hex') };
}

function perform(task: HashTask): Partial<HashResult> | Promise<Partial<HashResult>> {
  switch (task.kind) {
    case 'copy':
      return copy(task);
    case 'digest':
      return digest(task);
    case 'chunk':
      return chunk(task);
    case 'archive':
      return archive(task);
    case 'inflate':
      return inflate(task);
  }
}

parentPort?.on('message', (task: HashTask) => {
  void (async () => {
    try {
      parentPort?.postMessage({ result: await perform(task) });
    } catch (error) {
      parentPort?.postMessage({ failure: (error as Error).message });
    }
  })();
});
