import type { FileHandle } from 'node:fs/promises';
import { positionReader } from '../payload/position-reader.ts';
import type { IndexArchive, PayloadIndex } from '../payload/format/index-schema.ts';
import type { ArchiveLayout, ArchivePart } from '../payload/format/archive-layout.ts';
import { archiveLayout, partHeader } from '../payload/format/archive-layout.ts';
import { gzipHeader, gzipTrailer, readStored } from '../payload/format/archive-gzip.ts';

/**
 * A part of an archive of ours on disk, read by position, its bytes unproved. Throws RangeError when the file
 * is not as written.
 */
export function readArchivedPart(
  handle: FileHandle,
  layout: ArchiveLayout,
  part: Pick<ArchivePart, 'offset' | 'size'>,
): AsyncGenerator<Buffer> {
  return readStored(positionReader(handle.fd), layout.tarSize, part.offset, part.size);
}

async function whole(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/**
 * Compares an archive on disk with what the payload would give out, by size, gzip header and trailer (the CRC
 * of all content) and every tar header at its computed position: a few reads whatever its size. Returns
 * undefined when all agree (contents not read), else what differs.
 */
export async function archiveDifference(
  handle: FileHandle,
  index: PayloadIndex,
  archive: IndexArchive,
): Promise<string | undefined> {
  const { size } = await handle.stat();
  if (size !== archive.size) return `it has ${size} bytes, the payload's has ${archive.size}`;
  const readAt = positionReader(handle.fd);
  const layout = archiveLayout(index, archive);
  if (!(await readAt(0, gzipHeader.length)).equals(gzipHeader)) return 'it was not written by this program';
  const trailer = gzipTrailer(Number.parseInt(archive.crc32, 16), layout.tarSize);
  if (!(await readAt(size - trailer.length, trailer.length)).equals(trailer))
    return 'its final checksum differs';
  for (const part of layout.parts) {
    const made = 'bytes' in part.content ? part.content.bytes : Buffer.alloc(0);
    const expected = Buffer.concat([partHeader(part), made]);
    try {
      const found = await whole(readStored(readAt, layout.tarSize, part.headerOffset, expected.length));
      if (!found.equals(expected)) return `its bytes differ at the start of ${part.name}`;
    } catch (cause) {
      if (cause instanceof RangeError) return cause.message;
      throw cause;
    }
  }
  return undefined;
}
