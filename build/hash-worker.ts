import { createHash } from 'node:crypto';
import { closeSync, createReadStream, openSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { createGunzip } from 'node:zlib';
import { crc32Text } from '../src/payload/format/entries.ts';
import { bounded } from '../src/images/unpack-limit.ts';
import { zeroOut } from '../src/payload/format/chunks.ts';
import type { ChunkHashes } from './chunk-hash.ts';
import { ChunkHash } from './chunk-hash.ts';
import type { CopyTask } from './copy-range.ts';
import { copyRange } from './copy-range.ts';
import type { Compression } from '../src/images/compression.ts';
import type { KeyTraces } from './key-search.ts';
import { KeySearch } from './key-search.ts';
import { readFully } from './read-fully.ts';
import { zstdFrames } from './zstd-frames.ts';
import { StoredGzipHash } from './stored-gzip-hash.ts';

/**
 * Work of the packer that is bound by processors: files are read by position, through descriptors that all
 * threads share.
 */
export type HashTask =
  | ({ kind: 'copy' } & CopyTask)
  | { kind: 'chunk'; file: number; from: number; to: number; zeroed: { from: number; to: number } }
  /** The next bytes of an archive's tar, in the thread that had those before. */
  | { kind: 'archive'; name: string; tarSize: number; part: ArchiveBytes }
  | { kind: 'archive-end'; name: string; crc32: number }
  | { kind: 'inflate'; path: string; from: number; size: number; compression: Compression };

/**
 * Bytes of an archive: made ones, or a range of a source, which was just read to copy it and so is in memory.
 */
export type ArchiveBytes = Uint8Array | { path: string; from: number; size: number };

export interface HashResult {
  size: number;
  sha256: string;
  crc32: string;
  chunks: ChunkHashes[];
  /** A trace of a key that signs is in these bytes. */
  hasKey: boolean;
}

/** A task's end, or how many bytes of a content are `done`. */
export interface HashReply {
  id: number;
  done?: number;
  result?: Partial<HashResult>;
  failure?: { message: string; code?: string };
}

/**
 * One buffer for all reads of this thread: every piece is used up before the next one is read. It stays in
 * the core's own cache; with 1 MiB the kernel's copy into it takes five times as long.
 */
const buffer = Buffer.alloc(256 * 1024);
const traces = workerData as KeyTraces;

function* readPieces(file: number, from: number, size: number, name: string): Generator<Buffer> {
  for (let done = 0; done < size; done += buffer.length) {
    const piece = buffer.subarray(0, size - done);
    readFully(file, piece, from + done, name);
    yield piece;
  }
}

type OnBytes = (done: number) => void;

async function copy(task: CopyTask, onBytes: OnBytes): Promise<Partial<HashResult>> {
  const search = new KeySearch(traces);
  const { sha256, crc32: crc, chunks } = await copyRange(task, onBytes, search);
  return { size: task.size, sha256, crc32: crc32Text(crc), chunks, hasKey: search.found };
}

function chunk({ file, from, to, zeroed }: HashTask & { kind: 'chunk' }): Partial<HashResult> {
  const hash = new ChunkHash();
  let position = from;
  for (const piece of readPieces(file, from, to - from, 'the output')) {
    zeroOut(piece, position, zeroed);
    hash.update(piece);
    position += piece.length;
  }
  return { size: to - from, chunks: [hash.digest()] };
}

const archives = new Map<string, StoredGzipHash>();

function archive({ name, tarSize, part }: HashTask & { kind: 'archive' }): Partial<HashResult> {
  const hash = archives.get(name) ?? new StoredGzipHash(tarSize);
  archives.set(name, hash);
  if (part instanceof Uint8Array) {
    hash.update(Buffer.from(part));
    return {};
  }
  const file = openSync(part.path, 'r');
  try {
    for (const piece of readPieces(file, part.from, part.size, part.path)) hash.update(piece);
  } finally {
    closeSync(file);
  }
  return {};
}

async function inflate(task: HashTask & { kind: 'inflate' }): Promise<Partial<HashResult>> {
  const sha256 = createHash('sha256');
  const search = new KeySearch(traces);
  let size = 0;
  const decompress = task.compression === 'zstd' ? zstdFrames : createGunzip();
  const layer = createReadStream(task.path, { start: task.from, end: task.from + task.size - 1 });
  await pipeline(layer, decompress, bounded(task.size), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) {
      sha256.update(piece);
      search.update(piece);
      size += piece.length;
    }
  });
  return { size, sha256: sha256.digest('hex'), hasKey: search.found };
}

function perform(task: HashTask, onBytes: OnBytes): Partial<HashResult> | Promise<Partial<HashResult>> {
  switch (task.kind) {
    case 'copy':
      return copy(task, onBytes);
    case 'chunk':
      return chunk(task);
    case 'archive':
      return archive(task);
    case 'archive-end':
      return { sha256: archives.get(task.name)!.digest(task.crc32) };
    case 'inflate':
      return inflate(task);
  }
}

parentPort?.on('message', (message: 'end' | { id: number; task: HashTask }) => {
  if (message === 'end') process.exit();
  const { id, task } = message;
  const reply = (said: Omit<HashReply, 'id'>) => parentPort?.postMessage({ id, ...said });
  void (async () => {
    try {
      reply({ result: await perform(task, (done) => reply({ done })) });
    } catch (error) {
      const { message, code } = error as NodeJS.ErrnoException;
      reply({ failure: { message, ...(code === undefined ? {} : { code }) } });
    }
  })();
});
