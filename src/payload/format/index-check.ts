import { blobName, headerFits, placedEntries } from './entries.ts';
import type { PayloadIndex } from './index-schema.ts';

/**
 * What a schema cannot say: places, references and sizes agree with each other and with the file. Returns the
 * first contradiction.
 */
export function indexContradiction(
  index: PayloadIndex,
  indexEnd: number,
  fileSize: number,
): string | undefined {
  if (index.fileSize !== fileSize) return `it describes a file of ${index.fileSize} bytes`;
  const { chunkSize, coveredEnd, hashes } = index.chunks;
  if (hashes.length !== Math.ceil(coveredEnd / chunkSize))
    return `${hashes.length} chunks for ${coveredEnd} bytes`;
  const files = [...index.entries, ...index.archives];
  const clash = nameClash(['index.json', ...files.map(({ name }) => name)]);
  if (clash !== undefined) return clash;
  let end = indexEnd;
  for (const entry of placedEntries(index, indexEnd)) {
    if (!headerFits(entry)) return `no local header fits before ${entry.name}`;
    end = entry.offset + entry.size;
  }
  if (end !== coveredEnd || coveredEnd > fileSize) return `its entries end at ${end}, not at ${coveredEnd}`;
  const entries = new Map(index.entries.map(({ name, size }) => [name, size]));
  // Each mention, not each blob: two images may disagree on the size of a layer that they share.
  const blobs = index.images.flatMap(({ manifest, config, layers }) => [manifest, config, ...layers]);
  for (const { digest, size } of blobs)
    if (entries.get(blobName(digest)) !== size) return `the blob ${digest} of ${size} bytes is missing`;
  const references = new Set(index.images.map((image) => image.reference));
  if (references.size !== index.images.length) return 'duplicate image reference';
  for (const archive of index.archives) {
    const missing = archive.images.find((reference) => !references.has(reference));
    if (missing !== undefined)
      return `the archive ${archive.name} names ${missing}, which is not one of its images`;
  }
  const tool = Object.values(index.tools).find(({ entry }) => !entries.has(entry));
  return tool === undefined ? undefined : `the tool ${tool.entry} is missing`;
}

/**
 * Files that cannot be next to each other in one folder, also where case does not count: the same name twice,
 * or one that is a folder of another.
 */
function nameClash(names: readonly string[]): string | undefined {
  const seen = new Set<string>();
  const folders = new Map<string, string>();
  for (const name of names) {
    const folded = name.toLowerCase();
    if (seen.has(folded)) return `duplicate name ${name}`;
    seen.add(folded);
    for (let at = folded.indexOf('/'); at > 0; at = folded.indexOf('/', at + 1))
      folders.set(folded.slice(0, at), name);
  }
  for (const name of names) {
    const inside = folders.get(name.toLowerCase());
    if (inside !== undefined) return `${name} is a file, and a folder in ${inside}`;
  }
  return undefined;
}
