import { chunkIo } from './chunk-io.ts';
import type { ChunkIo, Composition } from './chunked-file.ts';
import { DamagedChunk } from './chunked-file.ts';
import { archiveContent, tarSegments } from './format/archive-stream.ts';
import { blobName } from './format/entries.ts';
import type { ExtractSource } from './extract-file.ts';
import type { PlacedEntry } from './format/entries.ts';
import type { IndexArchive } from './format/index-schema.ts';
import { damageOf } from './named-damages.ts';
import type { Payload } from './reader.ts';
import { assertHeader } from './verified-read.ts';

/** Mode of an archive when it is a new file. */
const archiveMode = 0o644;
/** A smaller file is written sooner than threads have started. */
const worthThreads = 16 * 1024 * 1024;

/**
 * An archive or an entry of the payload as a file to be written. Throws IvaapError `payload` when there is
 * none of that name.
 */
export async function payloadFile(
  payload: Payload,
  name: string,
  io: ChunkIo = chunkIo,
): Promise<ExtractSource> {
  const { archives } = await payload.index();
  const archive = archives.find((candidate) => candidate.name === name);
  if (archive !== undefined) {
    return {
      name,
      sizeBytes: archive.size,
      mode: archiveMode,
      stream: () => payload.streamArchive(name),
      ...inChunks(io, payload, archive.size, () => archiveParts(payload, archive)),
    };
  }
  const entry = await payload.entry(name);
  return {
    name,
    sizeBytes: entry.size,
    mode: entry.mode,
    stream: () => payload.streamEntry(name),
    ...inChunks(io, payload, entry.size, () => entryParts(entry)),
  };
}

/** What a file is put together from, and the entries that this is read from. */
interface Parts extends Composition {
  read: PlacedEntry[];
}

function inChunks(
  io: ChunkIo,
  payload: Payload,
  sizeBytes: number,
  partsOf: () => Parts | Promise<Parts>,
): Pick<ExtractSource, 'writeChunks'> {
  if (sizeBytes < worthThreads) return {};
  return {
    writeChunks: async (output, options) => {
      const { read, ...composition } = await partsOf();
      for (const entry of read) await assertHeader(payload, entry);
      try {
        return await io.write(await payload.chunkedFile(), composition, output, options);
      } catch (error) {
        throw error instanceof DamagedChunk ? await damageOf(payload, error, read) : error;
      }
    },
  };
}

const entryParts = (entry: PlacedEntry): Parts => ({
  segments: [rangeOf(entry)],
  read: [entry],
  gzip: undefined,
  sizeBytes: entry.size,
});

async function archiveParts(payload: Payload, archive: IndexArchive): Promise<Parts> {
  const { parts, gzip } = archiveContent(await payload.index(), archive);
  const found: Parts = { segments: [], read: [], gzip, sizeBytes: archive.size };
  for (const segment of tarSegments(parts)) {
    if ('bytes' in segment) {
      found.segments.push(segment);
      continue;
    }
    const entry = await payload.entry(blobName(segment.digest));
    found.segments.push(rangeOf(entry));
    found.read.push(entry);
  }
  return found;
}

const rangeOf = ({ offset, size }: PlacedEntry) => ({ from: offset, to: offset + size });
