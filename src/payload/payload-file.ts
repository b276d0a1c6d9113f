import type { FileHandle } from 'node:fs/promises';
import { tarSegments } from './format/archive-stream.ts';
import { blobName } from './format/blob-name.ts';
import type { ExtractOptions, ExtractSource } from './extract-file.ts';
import type { PlacedEntry } from './format/index-check.ts';
import type { IndexArchive } from './format/index-schema.ts';
import type { Payload } from './reader.ts';
import type { Composition } from './write-in-threads.ts';
import { writeInThreads } from './write-in-threads.ts';

/** Mode of an archive when it is a new file. */
const archiveMode = 0o644;
/** A smaller file is written sooner than threads have started. */
const worthThreads = 16 * 1024 * 1024;

/** An archive or an entry of the payload as a file to be written. Throws IvaapError `payload` when there is none of that name. */
export async function payloadFile(payload: Payload, name: string): Promise<ExtractSource> {
  const { archives } = await payload.index();
  const archive = archives.find((candidate) => candidate.name === name);
  if (archive !== undefined) {
    return {
      name,
      sizeBytes: archive.size,
      mode: archiveMode,
      stream: () => payload.streamArchive(name),
      ...threads(payload, archive.size, () => archiveComposition(payload, archive)),
    };
  }
  const entry = await payload.entry(name);
  return {
    name,
    sizeBytes: entry.size,
    mode: entry.mode,
    stream: () => payload.streamEntry(name),
    ...threads(payload, entry.size, () => entryComposition(entry)),
  };
}

function threads(
  payload: Payload,
  sizeBytes: number,
  composition: () => Composition | Promise<Composition>,
): Pick<ExtractSource, 'writeInThreads'> {
  if (sizeBytes < worthThreads) return {};
  return {
    writeInThreads: async (output: FileHandle, options: ExtractOptions) =>
      writeInThreads(payload, await composition(), output, options),
  };
}

const entryComposition = (entry: PlacedEntry): Composition => ({
  segments: [rangeOf(entry)],
  read: [entry],
  gzip: undefined,
  sizeBytes: entry.size,
});

async function archiveComposition(payload: Payload, archive: IndexArchive): Promise<Composition> {
  const { parts, gzip } = await payload.archiveContent(archive);
  const composition: Composition = {
    segments: [],
    read: [],
    gzip,
    sizeBytes: archive.size,
  };
  for (const segment of tarSegments(parts)) {
    if ('bytes' in segment) {
      composition.segments.push(segment);
      continue;
    }
    const entry = await payload.entry(blobName(segment.digest));
    composition.segments.push(rangeOf(entry));
    composition.read.push(entry);
  }
  return composition;
}

const rangeOf = ({ offset, size }: PlacedEntry) => ({ from: offset, to: offset + size });
