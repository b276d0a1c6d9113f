import { crc32 } from 'node:zlib';
import { archiveLayout } from '../src/images/archive-layout.ts';
import { tarSegments } from '../src/images/archive-stream.ts';
import { blobName } from '../src/images/blob-name.ts';
import { combineCrc32 } from '../src/payload/crc32-combine.ts';
import type { IndexArchive, IndexEntry, PayloadIndex } from '../src/payload/index-schema.ts';
import type { HashPool } from './hash-pool.ts';
import type { Written } from './written.ts';

/** Of a blob, handed over at a time: an archive is never far behind the copying. */
const stepBytes = 8 * 1024 * 1024;

/**
 * Hashes the archives of an index while their blobs are being copied to `file`, and sets their `sha256` and `crc32`. A SHA-256 is one
 * chain from the first byte to the last, the longest that packing has; the CRC follows from those of the parts, unread.
 */
export async function hashArchives(
  file: number,
  index: PayloadIndex,
  written: Written,
  pool: HashPool,
): Promise<void> {
  const blobs = new Map(index.entries.map((entry) => [entry.name, entry]));
  await Promise.all(
    index.archives.map(async (archive) => {
      Object.assign(archive, await hashArchive(file, index, archive, blobs, written, pool));
    }),
  );
}

async function hashArchive(
  file: number,
  index: PayloadIndex,
  archive: IndexArchive,
  entries: ReadonlyMap<string, IndexEntry>,
  written: Written,
  pool: HashPool,
): Promise<{ sha256: string; crc32: string }> {
  const { name } = archive;
  const { parts, tarSize } = archiveLayout(index, archive);
  const thread = pool.thread();
  let crc = 0;
  const hashing: Promise<unknown>[] = [];
  const hash = (part: Buffer | { offset: number; size: number }) => {
    const step = thread.run({ kind: 'archive', name, tarSize, file, part });
    // Awaited at the end: until then a failure must not count as unhandled.
    step.catch(() => {});
    hashing.push(step);
  };
  for (const segment of tarSegments(parts)) {
    if ('bytes' in segment) {
      crc = crc32(segment.bytes, crc);
      hash(segment.bytes);
      continue;
    }
    const entry = entries.get(blobName(segment.digest))!;
    const end = entry.offset + entry.size;
    for (let offset = entry.offset; offset < end; offset += stepBytes) {
      const size = Math.min(stepBytes, end - offset);
      await written.until(offset, offset + size);
      hash({ offset, size });
    }
    // Written to its end, it has its CRC.
    crc = combineCrc32(crc, Number.parseInt(entry.crc32, 16), entry.size);
  }
  await Promise.all(hashing);
  const { sha256 } = await thread.run({ kind: 'archive-end', name, crc32: crc });
  return { sha256, crc32: crc.toString(16).padStart(8, '0') };
}
