import { join } from 'node:path';
import { IvaapError } from '../errors.ts';
import type { Containerd } from '../host/containerd.ts';
import type { IndexImage, PayloadIndex } from '../payload/format/index-schema.ts';
import { blobsOf } from '../payload/format/archive-layout.ts';
import { inspectDiskArchive, type DiskArchive } from './disk-archive.ts';
import { moveWarning, sharedNames } from './moved-names.ts';
import { lookUp } from './presence.ts';
import { mayName, type WantedImage } from './wanted.ts';
import { shellWord } from '../shell-word.ts';

export type ImagesFrom = 'auto' | 'disk' | 'payload';

export interface PlannedImage extends WantedImage {
  /** Image ID: digest of the configuration. */
  configDigest: string;
  /** `none`: ready. `tag`: complete under the name `at`. `load`: from `source`. */
  action: 'none' | 'tag' | 'load';
  at?: string;
  /** An archive on disk, or undefined for the payload. */
  source?: DiskSource;
}

/** An archive on disk that gives an image, and the command that would write it again. */
export type DiskSource = Extract<DiskArchive, { kind: 'ours' | 'foreign' }> & { refresh: string };

export interface ImagePlan {
  images: PlannedImage[];
  from: ImagesFrom;
  index: PayloadIndex;
  /** Bytes of blobs that the content store lacks, each counted once. */
  missingBytes: number;
  /** Uncompressed bytes of the missing layers: what their snapshots will take. */
  unpackedBytes: number;
  /**
   * Where the missing bytes come from, in the order of loading: each blob is counted where it is taken first.
   */
  sources: PlannedSource[];
  /** What the operator should know, e.g. an archive on disk that is damaged and passed over. */
  warnings: string[];
}

export interface PlannedSource {
  /** Path of an archive on disk; undefined for the payload. */
  path: string | undefined;
  images: string[];
  bytes: number;
}

export interface PlanSettings {
  containerd: Containerd;
  wanted: readonly WantedImage[];
  index: PayloadIndex;
  from: ImagesFrom;
  /** The product's folder: archives lie there under their names. */
  folder: string;
  /** The executable as the operator types it, for hints. */
  command: string;
  /** Whose names these are: pods of other namespaces that use one are warned of. */
  product?: { name: string; namespace: string };
  signal?: AbortSignal;
  /** While an archive that is not ours is read through. */
  onRead?: (path: string, done: number, total: number) => void;
}

/**
 * Compares what the release needs with what containerd has and finds a source for the rest. Archives on disk
 * are looked at only when something is missing. Read-only. With `from` 'disk' throws 'failed' when an archive
 * cannot give what is missing.
 */
export async function planImages(settings: PlanSettings): Promise<ImagePlan> {
  const { containerd, wanted, index, from } = settings;
  const present = await lookUp(containerd, wanted);
  const images = wanted.map((want): PlannedImage => {
    const presence = present.get(want.name);
    const configDigest = want.image.config.digest;
    if (presence?.state === 'ready') return { ...want, configDigest, action: 'none' };
    if (presence?.state === 'elsewhere') return { ...want, configDigest, action: 'tag', at: presence.at };
    return { ...want, configDigest, action: 'load' };
  });
  const toLoad = images.filter(({ action }) => action === 'load');
  const { product } = settings;
  const toMove = images.filter(({ action }) => action !== 'none');
  const shared = product === undefined ? [] : await sharedNames(containerd, toMove, product);
  const warnings = shared.map(moveWarning);
  if (from !== 'payload') {
    for (const name of new Set(toLoad.map(({ archive }) => archive))) {
      const ofArchive = toLoad.filter(({ archive }) => archive === name);
      warnings.push(...(await fromDisk(settings, name, ofArchive)));
    }
  }
  const have = toLoad.length === 0 ? new Set<string>() : await containerd.blobs();
  const sizes = missingSizes(
    toLoad.map(({ image }) => image),
    have,
  );
  return { images, from, index, ...sizes, sources: sourcesOf(toLoad, have), warnings };
}

/** Archives on disk first, as they are loaded, and the payload for the rest. */
function sourcesOf(toLoad: readonly PlannedImage[], have: ReadonlySet<string>): PlannedSource[] {
  const groups = Map.groupBy(toLoad, ({ source }) => source?.path);
  const ofPayload = groups.get(undefined);
  groups.delete(undefined);
  if (ofPayload !== undefined) groups.set(undefined, ofPayload);
  const known = new Set(have);
  return [...groups].map(([path, images]) => {
    const wanted = images.map(({ image }) => image);
    const bytes = missingSizes(wanted, known).missingBytes;
    for (const { digest } of blobsOf(wanted)) known.add(digest);
    return { path, images: images.map(({ name }) => name), bytes };
  });
}

/** Gives images of one archive their source on disk; returns warnings. */
async function fromDisk(settings: PlanSettings, name: string, images: PlannedImage[]): Promise<string[]> {
  const { index, from, folder, command } = settings;
  const archive = index.archives.find((candidate) => candidate.name === name);
  if (archive === undefined) return [];
  const path = join(folder, name);
  const found = await inspectDiskArchive(
    path,
    index,
    archive,
    new Set(images.map((image) => image.configDigest)),
    {
      signal: settings.signal,
      onBytes: (done, total) => settings.onRead?.(path, done, total),
    },
  );
  const hint = `${command} extract-file ${shellWord(name)} ${shellWord(path)}`;
  const refuse = (why: string) => new IvaapError('failed', `${path}: ${why}`, { hint });
  if (found.kind === 'absent') {
    if (from === 'disk') throw refuse('there is no such file');
    return [];
  }
  if (found.kind === 'damaged') {
    if (from === 'disk') throw refuse(found.why);
    return [`${path}: ${found.why}; its images come from the payload (refresh it: ${hint})`];
  }
  const lacking: string[] = [];
  const remade: string[] = [];
  for (const image of images) {
    const held = found.kind === 'ours' ? image : found.archive.images.get(image.configDigest);
    if (held === undefined) lacking.push(image.name);
    else if (mayName(image, held.image.manifest.digest)) image.source = { ...found, refresh: hint };
    else remade.push(`${image.name} as ${held.image.manifest.digest}`);
  }
  if (lacking.length > 0 && from === 'disk') {
    throw refuse(`it does not contain this release's ${lacking.join(', ')}; it belongs to another release`);
  }
  if (remade.length > 0 && from === 'disk') {
    throw refuse(`it has ${remade.join(', ')}: another manifest than the digest in the name`);
  }
  return [];
}

/** What of these images is not in a content store that has the blobs `have`, every blob counted once. */
export function missingSizes(
  images: readonly IndexImage[],
  have: ReadonlySet<string>,
): Pick<ImagePlan, 'missingBytes' | 'unpackedBytes'> {
  const blobs = blobsOf(images).filter(({ digest }) => !have.has(digest));
  const layers = new Map(images.flatMap((image) => image.layers.map((layer) => [layer.digest, layer])));
  return {
    missingBytes: blobs.reduce((sum, { size }) => sum + size, 0),
    unpackedBytes: blobs.reduce((sum, { digest }) => sum + (layers.get(digest)?.uncompressedSize ?? 0), 0),
  };
}
