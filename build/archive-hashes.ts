import { crc32 } from 'node:zlib';
import { archiveLayout } from '../src/payload/format/archive-layout.ts';
import { tarSegments } from '../src/payload/format/archive-stream.ts';
import { blobName, crc32Text } from '../src/payload/format/entries.ts';
import { combineCrc32 } from '../src/payload/format/archive-crc32.ts';
import type { IndexArchive, IndexEntry, PayloadIndex } from '../src/payload/format/index-schema.ts';
import type { HashPool } from './hash-pool.ts';
import type { ArchiveBytes } from './hash-worker.ts';
import type { Content, Source } from './pack-source.ts';
import type { Written } from './written.ts';

/** Of a blob, handed over at a time: an archive is never far behind the copying. */
const stepBytes = 8 * 1024 * 1024;

interface PlacedBlob {
  entry: IndexEntry;
  content: Content;
}

/**
 * Hashes the archives of an index from the `sources` of its entries while these are being copied, and sets
 * their `sha256` and `crc32`. A SHA-256 is one chain from the first byte to the last, the longest that
 * packing has; the CRC follows from those of the parts, unread.
 */
export async function hashArchives(
  index: PayloadIndex,
  sources: readonly Source[],
  written: Written,
  pool: HashPool,
): Promise<void> {
  const blobs = new Map(
    index.entries.map((entry, position) => [entry.name, { entry, content: sources[position]!.content }]),
  );
  await Promise.all(
    index.archives.map(async (archive) => {
      Object.assign(archive, await hashArchive(index, archive, blobs, written, pool));
    }),
  );
}

async function hashArchive(
  index: PayloadIndex,
  archive: IndexArchive,
  blobs: ReadonlyMap<string, PlacedBlob>,
  written: Written,
  pool: HashPool,
): Promise<{ sha256: string; crc32: string }> {
  const { name } = archive;
  const { parts, tarSize } = archiveLayout(index, archive);
  const thread = pool.thread();
  let crc = 0;
  const hashing: Promise<unknown>[] = [];
  const hash = (part: ArchiveBytes) => {
    const step = thread.run({ kind: 'archive', name, tarSize, part });
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
    const { entry, content } = blobs.get(blobName(segment.digest))!;
    for (let done = 0; done < entry.size; done += stepBytes) {
      const size = Math.min(stepBytes, entry.size - done);
      await written.until(entry.offset + done, entry.offset + done + size);
      hash(partOf(content, done, size));
    }
    // Written to its end, it has its CRC.
    crc = combineCrc32(crc, Number.parseInt(entry.crc32, 16), entry.size);
  }
  await Promise.all(hashing);
  const { sha256 } = await thread.run({ kind: 'archive-end', name, crc32: crc });
  return { sha256, crc32: crc32Text(crc) };
}

function partOf(content: Content, from: number, size: number): ArchiveBytes {
  if ('path' in content) return { path: content.path, from: (content.offset ?? 0) + from, size };
  return 'bytes' in content ? content.bytes.subarray(from, from + size) : Buffer.alloc(size);
}
