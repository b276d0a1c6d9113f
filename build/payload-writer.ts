import { createHash } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import { crc32Text } from '../src/payload/format/entries.ts';
import type { IndexEntry, PayloadIndex } from '../src/payload/format/index-schema.ts';
import { WriteBack } from '../src/host/write-back.ts';
import { hashArchives } from './archive-hashes.ts';
import { hashChunks } from './chunk-hashes.ts';
import { overlap, wholeChunks, Written } from './written.ts';
import type { Range } from './clone-blocks.ts';
import { cloneBlocks } from './clone-blocks.ts';
import type { HashPool } from './hash-pool.ts';
import type { HashResult } from './hash-worker.ts';
import type { Source } from './pack-source.ts';
import { ownKey } from './key-search.ts';
import { SpecError } from './spec-file.ts';
import type { ByteRange } from '../src/payload/byte-ranges.ts';
import type { Layout } from './zip-writer.ts';
import { directoryAndTrailer, indexHeader, localHeaders, renderIndex } from './zip-writer.ts';

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

/** The file that is packed, and the same past the page cache where that can be, from `openUncached`. */
export interface Output {
  file: FileHandle;
  uncached: number | undefined;
}

/** A source, and what the index says of it; the head has no entry. */
interface Place {
  source: Source;
  entry: IndexEntry | undefined;
  offset: number;
  /** Undefined when the bytes are made. */
  range: Range | undefined;
  /** The file system shares its blocks: there is nothing to copy. */
  isShared: boolean;
  /** Numbers of the chunks that are hashed while it is copied. */
  hashed: ByteRange;
}

/**
 * Writes head, contents, headers, index, directory and trailer; the caller makes them durable. Copying goes
 * ahead of hashing: the disk has something to do from the beginning. Returns the SHA-256 of the index. Throws
 * {@link SpecError} for a blob that is not what its name says.
 */
export async function writePayload(
  output: Output,
  executable: string,
  sources: readonly Source[],
  layout: Layout,
  pool: HashPool,
  onProgress: (done: number, total: number) => void,
): Promise<string> {
  const { index } = layout;
  const { coveredEnd } = index.chunks;
  await output.file.truncate(coveredEnd);
  const head: Source = { name: '', size: index.headSize, mode: 0, content: { path: executable } };
  const places = await placesOf(output.file, [head, ...sources], index);
  const written = new Written();
  const writeBack = new WriteBack(output.file);
  // Every byte is copied and hashed as part of a chunk: each is half of the way.
  let halves = 0;
  const onBytes = (bytes: number) => onProgress(Math.floor((halves += bytes) / 2), coveredEnd);
  const wrote = (from: number, to: number, hashedBytes = 0) => {
    written.add(from, to);
    // Past the page cache the disk has them already, and a flush would only keep it from the next ones.
    if (output.uncached === undefined) writeBack.wrote(to - from);
    onBytes(to - from + hashedBytes);
  };
  // The index counts as zeros in the chunks.
  wrote(index.headSize, layout.indexOffset + layout.indexLength);
  const copyAll = async () => {
    await Promise.all(places.map((place) => writeContent(output, index.chunks, place, pool, wrote)));
    for (const { offset, bytes } of localHeaders(layout)) {
      await output.file.write(bytes, 0, bytes.length, offset);
      wrote(offset, offset + bytes.length);
    }
  };
  const rest = { padding: sources.at(-1)?.name === 'padding', hashed: places.map(({ hashed }) => hashed) };
  await Promise.all([
    copyAll(),
    hashArchives(index, sources, written, pool),
    hashChunks(output.file.fd, layout, rest, written, pool, onBytes),
  ]);
  const content = renderIndex(layout);
  const indexHash = { sha256: sha256(content), crc32: crc32Text(crc32(content)) };
  const front = Buffer.concat([indexHeader(layout, indexHash.crc32), content]);
  await output.file.write(front, 0, front.length, index.headSize);
  const end = directoryAndTrailer(layout, indexHash, sha256);
  await output.file.write(end, 0, end.length, coveredEnd);
  await writeBack.finish();
  return indexHash.sha256;
}

/** Where each source goes, the head first. What the file system can share of them is in the output then. */
async function placesOf(
  output: FileHandle,
  sources: readonly Source[],
  { entries, chunks }: PayloadIndex,
): Promise<Place[]> {
  const placed = sources.map((source, position) => {
    const entry = position === 0 ? undefined : entries[position - 1]!;
    const offset = entry?.offset ?? 0;
    const { content, size } = source;
    const range =
      'path' in content ? { path: content.path, from: content.offset ?? 0, size, offset } : undefined;
    return { source, entry, offset, range };
  });
  const shared = await cloneBlocks(
    output,
    placed.flatMap(({ range }) => range ?? []),
  );
  return placed.map((place) => {
    const { range } = place;
    const hashed = range === undefined ? { from: 0, to: 0 } : wholeChunks(range, chunks.chunkSize);
    return { ...place, isShared: range !== undefined && shared.has(range), hashed };
  });
}

/** `wrote` hears of its last byte when its hashes are in the index. */
async function writeContent(
  { file, uncached: outputUncached }: Output,
  { chunkSize, hashes }: PayloadIndex['chunks'],
  { source, entry, offset, range, isShared, hashed }: Place,
  pool: HashPool,
  wrote: (from: number, to: number, hashedBytes: number) => void,
): Promise<void> {
  const { size, content, name } = source;
  const hashedBytes = { from: hashed.from * chunkSize, to: hashed.to * chunkSize };
  let reported = offset;
  const onBytes = (done: number) => {
    const extent = { from: reported, to: offset + done };
    reported = extent.to;
    wrote(extent.from, extent.to, overlap(extent, hashedBytes));
  };
  const result: Partial<HashResult> = await (range === undefined
    ? writeMade(file, content, size, offset)
    : pool.run({ kind: 'copy', ...range, isShared, output: file.fd, outputUncached, chunkSize }, onBytes));
  hashes.splice(hashed.from, hashed.to - hashed.from, ...(result.chunks ?? []));
  if (source.sha256 !== undefined && result.sha256 !== source.sha256)
    throw new SpecError(`${source.where}: ${name} does not have the digest of its name`);
  if (result.hasKey === true)
    throw new SpecError(
      `${source.where ?? name}: ${'path' in content ? content.path : name} holds ${ownKey} (as ${name})`,
    );
  if (entry !== undefined) Object.assign(entry, { sha256: result.sha256, crc32: result.crc32 });
  onBytes(size);
}

/** Bytes from memory; zeros are a hole already. */
async function writeMade(
  file: FileHandle,
  content: Source['content'],
  size: number,
  offset: number,
): Promise<{ sha256: string; crc32: string }> {
  if ('bytes' in content) {
    await file.write(content.bytes, 0, size, offset);
    return { sha256: sha256(content.bytes), crc32: crc32Text(crc32(content.bytes)) };
  }
  const zeros = Buffer.alloc(4 * 1024 * 1024);
  const hash = createHash('sha256');
  let crc = 0;
  for (let left = size; left > 0; left -= zeros.length) {
    const piece = left < zeros.length ? zeros.subarray(0, left) : zeros;
    hash.update(piece);
    crc = crc32(piece, crc);
  }
  return { sha256: hash.digest('hex'), crc32: crc32Text(crc) };
}
