import { blobsOf } from '../payload/format/archive-layout.ts';
import { orderOf } from '../version.ts';
import { notesBetween, toldNotes } from '../policy/release-notes.ts';
import { normalizedReference, repositoryOf } from '../images/reference.ts';
import type { IndexEntry, IndexImage, PayloadIndex } from '../payload/format/index-schema.ts';
import type { Release } from '../payload/product-schema.ts';
import type { DescribedRelease } from '../images/release-description.ts';
import type { NamedChanges, ReleaseDiff, ReleaseFacts } from './release-diff-schema.ts';

function factsOf({ index, release, key, digest }: DescribedRelease): ReleaseFacts {
  const { product, title, format, fileSize, headSize } = index;
  return {
    product,
    title,
    version: release.version,
    format: `${format.major}.${format.minor}`,
    key,
    payloadDigest: digest,
    schema: release.schema,
    postgresMajor: release.postgresMajor,
    payloadBytes: fileSize - headSize,
  };
}

/** Pairs images by reference, and the others by repository where each side has only one. */
function pairs(from: readonly IndexImage[], to: readonly IndexImage[]): Map<IndexImage, IndexImage> {
  const paired = new Map<IndexImage, IndexImage>();
  const partners = new Set<IndexImage>();
  const pairBy = (nameOf: (image: IndexImage) => string) => {
    const left = Map.groupBy(
      from.filter((image) => !partners.has(image)),
      nameOf,
    );
    const right = Map.groupBy(
      to.filter((image) => !paired.has(image)),
      nameOf,
    );
    for (const [name, [image, second]] of right) {
      const [partner, another] = left.get(name) ?? [];
      if (!image || second || !partner || another) continue;
      paired.set(image, partner);
      partners.add(partner);
    }
  };
  pairBy(({ reference }) => normalizedReference(reference));
  pairBy(({ reference }) => repositoryOf(reference));
  return paired;
}

/** New layers and bytes of these images, each blob once. */
function news(images: readonly IndexImage[], known: ReadonlySet<string>) {
  const blobs = blobsOf(images).filter(({ digest }) => !known.has(digest));
  const layers = new Set(images.flatMap((image) => image.layers.map(({ digest }) => digest)));
  return {
    newLayers: blobs.filter(({ digest }) => layers.has(digest)).length,
    newBytes: blobs.reduce((sum, { size }) => sum + size, 0),
  };
}

function imageChanges(from: PayloadIndex, to: PayloadIndex): ReleaseDiff['images'] {
  const known = new Set(blobsOf(from.images).map(({ digest }) => digest));
  const paired = pairs(from.images, to.images);
  const partners = new Set(paired.values());
  const changes: ReleaseDiff['images'] = { added: [], changed: [], renamed: [], removed: [], unchanged: [] };
  for (const image of to.images) {
    const { reference } = image;
    const imageId = image.config.digest;
    const old = paired.get(image);
    if (old === undefined) changes.added.push({ reference, imageId, ...news([image], known) });
    else if (old.config.digest !== imageId) {
      const ids = { from: old.config.digest, to: imageId };
      changes.changed.push({ from: old.reference, to: reference, imageId: ids, ...news([image], known) });
    } else if (normalizedReference(old.reference) === normalizedReference(reference))
      changes.unchanged.push(reference);
    else changes.renamed.push({ from: old.reference, to: reference, imageId });
  }
  changes.removed = from.images
    .filter((image) => !partners.has(image))
    .map(({ reference, config }) => ({ reference, imageId: config.digest }));
  return changes;
}

/** Named contents of both sides, by name. */
function namedChanges(from: ReadonlyMap<string, string>, to: ReadonlyMap<string, string>): NamedChanges {
  const names = (side: ReadonlyMap<string, string>) => [...side.keys()].sort();
  return {
    added: names(to).filter((name) => !from.has(name)),
    changed: names(to).filter((name) => from.has(name) && from.get(name) !== to.get(name)),
    removed: names(from).filter((name) => !to.has(name)),
  };
}

/** The entries of a kind with their hashes, by name. */
function filesOf({ index, chartFolder }: DescribedRelease, kind: 'chart' | 'other'): Map<string, string> {
  const prefix = `${chartFolder}/`;
  const tools = new Set(Object.values(index.tools).map(({ entry }) => entry));
  const isOther = ({ name }: IndexEntry) =>
    !name.startsWith(prefix) && !name.startsWith('blobs/') && name !== 'padding' && !tools.has(name);
  return new Map(
    index.entries
      .filter((entry) => (kind === 'chart' ? entry.name.startsWith(prefix) : isOther(entry)))
      .map(({ name, sha256 }) => [kind === 'chart' ? name.slice(prefix.length) : name, sha256]),
  );
}

const archivesOf = ({ index }: DescribedRelease) =>
  new Map(index.archives.map(({ name, sha256 }) => [name, sha256]));

function toolChanges(from: PayloadIndex, to: PayloadIndex): ReleaseDiff['tools'] {
  const hashOf = (index: PayloadIndex, name: string) =>
    index.entries.find((entry) => entry.name === index.tools[name]?.entry)?.sha256;
  return [...new Set([...Object.keys(from.tools), ...Object.keys(to.tools)])].sort().map((name) => ({
    name,
    from: from.tools[name]?.version ?? null,
    to: to.tools[name]?.version ?? null,
    sameBytes: hashOf(from, name) === hashOf(to, name),
  }));
}

/** Notes are in the newer file, whichever of the two was named. */
function notesOf(from: Release, to: Release): Release['notes'] {
  const isNewer = (orderOf(from.version, to.version) ?? 0) > 0;
  const [older, newer] = isNewer ? [to, from] : [from, to];
  return notesBetween(newer.notes, { from: older.version, to: newer.version });
}

/** Compares two releases by their indexes: contents are the same when their hashes are. A pure function. */
export function releaseDiff(from: DescribedRelease, to: DescribedRelease): ReleaseDiff {
  const known = new Set(blobsOf(from.index.images).map(({ digest }) => digest));
  return {
    from: factsOf(from),
    to: factsOf(to),
    images: imageChanges(from.index, to.index),
    ...news(to.index.images, known),
    notes: toldNotes(notesOf(from.release, to.release)),
    chart: namedChanges(filesOf(from, 'chart'), filesOf(to, 'chart')),
    files: namedChanges(filesOf(from, 'other'), filesOf(to, 'other')),
    archives: namedChanges(archivesOf(from), archivesOf(to)),
    tools: toolChanges(from.index, to.index),
  };
}
