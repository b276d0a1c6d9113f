import type { PayloadIndex } from '../src/payload/format/index-schema.ts';
import type { Trailer } from '../src/payload/format/trailer.ts';
import { renderTrailer, signedBytes } from '../src/payload/format/trailer.ts';
import {
  contentOffset,
  indexName,
  localHeader,
  placedEntries,
  zipEntries,
} from '../src/payload/format/entries.ts';
import { centralDirectory } from '../src/payload/format/zip-directory.ts';
import type { Signer } from './signing.ts';

/**
 * Places the archive behind a head. The index is in front and describes what comes behind it, so its room is
 * found by repetition: all hashes have a fixed width, and the room is a multiple of 4 KiB that only grows
 * until the text fits.
 */

const blockSize = 4096;
const noHash = '0'.repeat(64);

export const chunkSize = 4 * 1024 * 1024;

/** An index whose places are final and whose hashes are still zeros. */
export interface Layout {
  index: PayloadIndex;
  indexOffset: number;
  /** Room of index.json; the text is filled up with spaces. */
  indexLength: number;
  /** Signs the trailer; undefined leaves the file unsigned. */
  signer: Signer | undefined;
}

/** What the writer places: names, sizes and modes, in order. */
interface Unplaced {
  name: string;
  size: number;
  mode: number;
  sha256?: string;
}

/** Computes every position. `describe` gives the fields of the index that no position changes. */
export function layOut(
  headSize: number,
  sources: readonly Unplaced[],
  describe: Omit<PayloadIndex, 'fileSize' | 'headSize' | 'entries' | 'chunks'>,
  signer?: Signer,
): Layout {
  let indexLength = blockSize;
  for (;;) {
    const indexOffset = contentOffset(headSize, indexName, indexLength, blockSize);
    let position = indexOffset + indexLength;
    const entries = sources.map(({ name, size, mode, sha256 = noHash }) => {
      const offset = contentOffset(position, name, size, size >= blockSize ? blockSize : 1);
      position = offset + size;
      return { name, offset, size, mode, sha256, crc32: '0'.repeat(8) };
    });
    const hashes = Array.from({ length: Math.ceil(position / chunkSize) }, (): [string, string] => [
      '0'.repeat(32),
      noHash,
    ]);
    const chunks = { chunkSize, coveredEnd: position, hashes };
    const { format, product, title, command, version, ...rest } = describe;
    const identity = { format, product, title, command, version };
    const index: PayloadIndex = { ...identity, fileSize: 0, headSize, entries, chunks, ...rest };
    const layout = { index, indexOffset, indexLength, signer };
    index.fileSize = fileSizeOf(layout);
    const needed = Math.ceil((Buffer.byteLength(JSON.stringify(index)) + 1) / blockSize) * blockSize;
    if (needed <= indexLength) return layout;
    indexLength = needed;
  }
}

/** The local header of index.json, whose CRC-32 is known last. */
export const indexHeader = (layout: Layout, crc32: string): Buffer =>
  localHeader(entriesOf(layout, crc32)[0]);

const entriesOf = ({ index, indexOffset: offset, indexLength: length }: Layout, crc32: string) =>
  zipEntries(index, { offset, length, crc32 });

/** With room for a signature, whose length is always the same. */
function trailerOf(layout: Layout, hashes: { index: string; directory: string }, fileSize: number): Trailer {
  const { signer } = layout;
  return {
    indexOffset: layout.indexOffset,
    indexLength: layout.indexLength,
    indexSha256: hashes.index,
    directorySha256: hashes.directory,
    fileSize,
    signed:
      signer === undefined
        ? undefined
        : { key: signer.key, handovers: signer.handovers, signature: Buffer.alloc(64) },
  };
}

/** The trailer's length depends on the digits of the file's size, which depends on the trailer's length. */
function fileSizeOf(layout: Layout): number {
  const { coveredEnd } = layout.index.chunks;
  const directory = centralDirectory(entriesOf(layout, '0'.repeat(8)), coveredEnd, 0).length;
  let fileSize = coveredEnd;
  for (;;) {
    const trailer = renderTrailer(trailerOf(layout, { index: noHash, directory: noHash }, fileSize));
    const size = coveredEnd + directory + trailer.length;
    if (size === fileSize) return size;
    fileSize = size;
  }
}

/** The bytes of index.json: compact JSON, spaces up to its room, a newline. */
export function renderIndex({ index, indexLength }: Layout): Buffer {
  const content = Buffer.alloc(indexLength, ' ');
  content.write(JSON.stringify(index));
  content.write('\n', indexLength - 1);
  return content;
}

/** The bytes of every local header but the index's, with their places. */
export function localHeaders(layout: Layout): { offset: number; bytes: Buffer }[] {
  return placedEntries(layout.index, layout.indexOffset + layout.indexLength).map((entry) => ({
    offset: entry.headerOffset,
    bytes: localHeader(entry),
  }));
}

/** Central directory, end records and trailer: the bytes from `coveredEnd` to the file's end. */
export function directoryAndTrailer(
  layout: Layout,
  indexHash: { sha256: string; crc32: string },
  sha256: (bytes: Buffer) => string,
): Buffer {
  const { fileSize, chunks } = layout.index;
  const commentLength = renderTrailer(
    trailerOf(layout, { index: noHash, directory: noHash }, fileSize),
  ).length;
  const directory = centralDirectory(entriesOf(layout, indexHash.crc32), chunks.coveredEnd, commentLength);
  const hashes = { index: indexHash.sha256, directory: sha256(directory) };
  const trailer = trailerOf(layout, hashes, fileSize);
  if (layout.signer !== undefined) trailer.signed!.signature = layout.signer.sign(signedBytes(trailer));
  return Buffer.concat([directory, renderTrailer(trailer)]);
}
