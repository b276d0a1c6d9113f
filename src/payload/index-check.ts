import type { IndexEntry, PayloadIndex } from './index-schema.ts';
import type { ZipEntry } from './zip-records.ts';
import { localHeader } from './zip-records.ts';

/** An entry and where its local header begins. */
export type PlacedEntry = IndexEntry & ZipEntry;

/** Each entry with the place of its local header, which begins where the one before ends. */
export function placedEntries(index: Pick<PayloadIndex, 'entries'>, indexEnd: number): PlacedEntry[] {
  let headerOffset = indexEnd;
  return index.entries.map((entry) => {
    const placed = { ...entry, headerOffset };
    headerOffset = entry.offset + entry.size;
    return placed;
  });
}

/** What a schema cannot say: places, references and sizes agree with each other and with the file. Returns the first contradiction. */
export function indexContradiction(
  index: PayloadIndex,
  indexEnd: number,
  fileSize: number,
): string | undefined {
  if (index.fileSize !== fileSize) return `it describes a file of ${index.fileSize} bytes`;
  const { chunkSize, coveredEnd, hashes } = index.chunks;
  if (hashes.length !== Math.ceil(coveredEnd / chunkSize))
    return `${hashes.length} chunks for ${coveredEnd} bytes`;
  let end = indexEnd;
  const entries = new Map<string, number>();
  for (const entry of placedEntries(index, indexEnd)) {
    if (entries.has(entry.name) || entry.name === 'index.json') return `the name ${entry.name} comes twice`;
    entries.set(entry.name, entry.size);
    try {
      localHeader(entry);
    } catch {
      return `no local header fits before ${entry.name}`;
    }
    end = entry.offset + entry.size;
  }
  if (end !== coveredEnd || coveredEnd > fileSize) return `its entries end at ${end}, not at ${coveredEnd}`;
  // Each mention, not each blob: two images may disagree on the size of a layer that they share.
  const blobs = index.images.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]);
  for (const { digest, size } of blobs)
    if (entries.get(`blobs/${digest.replace(':', '/')}`) !== size)
      return `the blob ${digest} is not there with ${size} bytes`;
  const references = new Set(index.images.map((image) => image.reference));
  if (references.size !== index.images.length) return 'an image reference comes twice';
  for (const archive of index.archives) {
    if (entries.has(archive.name)) return `the name ${archive.name} comes twice`;
    entries.set(archive.name, archive.size);
    const missing = archive.images.find((reference) => !references.has(reference));
    if (missing !== undefined) return `the archive ${archive.name} names ${missing}, which is no image of it`;
  }
  const tool = Object.values(index.tools).find(({ entry }) => !entries.has(entry));
  return tool === undefined ? undefined : `the tool ${tool.entry} is not there`;
}
