import { posix } from 'node:path';
import type { IndexImage, IndexLayer } from '../payload/format/index-schema.ts';
import type { NamedImage } from '../payload/format/archive-layout.ts';
import { layoutFiles } from '../payload/format/archive-layout.ts';
import { compressionOf } from './compression.ts';
import { provedBlob } from '../payload/format/archive-stream.ts';
import { paddedSize, tarEnd, tarHeader } from '../payload/format/archive-tar.ts';
import { ociLayerType, ociManifest, ociManifestType } from './made-manifest.ts';
import { digestOf, followed, tarFiles, UnreadableArchive, type TarFilesOptions } from './tar-files.ts';
import { blobName } from '../payload/format/entries.ts';

/** An archive that another tool wrote (`docker save`, an OCI layout), read once from end to end. */
export interface ForeignArchive {
  path: string;
  /** Wanted images that it holds completely, by image ID. */
  images: Map<string, ForeignImage>;
  /** Digest of each regular file, by its name in the archive. */
  digests: Map<string, string>;
}

interface ForeignImage {
  image: IndexImage;
  /** The manifest when the archive has none of its own (docker's older form). */
  manifestBytes: Buffer | undefined;
}

interface ScannedFile {
  size: number;
  digest: string;
  head: Buffer;
  bytes: Buffer | undefined;
}

interface OciManifest {
  mediaType?: string;
  config?: { digest?: string; size?: number };
  layers?: { digest: string; size: number; mediaType: string }[];
}

/**
 * Of one manifest or configuration, and of all in an archive: whoever wrote it does not decide how much
 * memory we take.
 */
const keptBytes = 4 * 1024 * 1024;
const keptBytesOfAll = 64 * 1024 * 1024;
const mostFiles = 100_000;

/**
 * Reads an archive to its end, hashing every file, and says which of the wanted images (by ID) it holds
 * completely. Stops early when the archive's own list names none of them. Throws {@link UnreadableArchive}.
 */
export async function scanForeignArchive(
  path: string,
  wantedIds: ReadonlySet<string>,
  options: TarFilesOptions = {},
): Promise<ForeignArchive> {
  const files = new Map<string, ScannedFile>();
  const links = new Map<string, string>();
  let room = keptBytesOfAll;
  for await (const file of tarFiles(path, options)) {
    if (files.size + links.size > mostFiles)
      throw new UnreadableArchive(`it holds more than ${mostFiles} files`);
    if (file.linkTarget !== undefined) {
      links.set(file.name, file.linkTarget);
      continue;
    }
    const scanned = { size: file.size, ...(await digestOf(file, Math.min(keptBytes, room))) };
    room -= scanned.bytes?.length ?? 0;
    files.set(file.name, scanned);
    if (file.name === 'manifest.json' && !listsAny(scanned, files, wantedIds)) break;
  }
  const images = new Map<string, ForeignImage>();
  const byDigest = new Map([...files.values()].map((file) => [file.digest, file]));
  for (const id of wantedIds) {
    const image = byManifest(id, byDigest) ?? byDockerList(id, files, links);
    if (image !== undefined) images.set(id, image);
  }
  const digests = new Map([...files].map(([name, { digest }]) => [name, digest]));
  return { path, images, digests };
}

/**
 * Whether docker's list may name a wanted image: the configuration's name holds its digest, in both of
 * docker's forms.
 */
function listsAny(
  list: ScannedFile,
  files: ReadonlyMap<string, ScannedFile>,
  ids: ReadonlySet<string>,
): boolean {
  const configs = dockerList(list).map(({ Config }) => Config);
  const named = configs.map((config) => /([0-9a-f]{64})(\.json)?$/.exec(config)?.[1]);
  // A name without a digest says nothing yet.
  if (named.includes(undefined)) return true;
  return (
    named.some((hex) => ids.has(`sha256:${hex}`)) || [...files.values()].some(({ digest }) => ids.has(digest))
  );
}

function parsed<T>(file: ScannedFile | undefined): T | undefined {
  if (file?.bytes === undefined) return undefined;
  try {
    return JSON.parse(file.bytes.toString('utf8')) as T;
  } catch {
    return undefined;
  }
}

const dockerList = (file: ScannedFile | undefined): { Config: string; Layers: string[] }[] => {
  const list = parsed<({ Config?: unknown; Layers?: unknown } | null)[]>(file);
  if (!Array.isArray(list)) return [];
  return list.map((image) => ({
    Config: typeof image?.Config === 'string' ? image.Config : '',
    Layers: Array.isArray(image?.Layers) ? image.Layers.map(String) : [],
  }));
};

function diffIds(config: ScannedFile): { ids: string[]; os: string; architecture: string } {
  const { rootfs, os, architecture } =
    parsed<{
      rootfs?: { diff_ids?: string[] };
      os?: string;
      architecture?: string;
    }>(config) ?? {};
  return { ids: rootfs?.diff_ids ?? [], os: os ?? 'linux', architecture: architecture ?? 'amd64' };
}

/** An image through an OCI manifest in the archive, when all that the manifest names is there too. */
function byManifest(id: string, byDigest: ReadonlyMap<string, ScannedFile>): ForeignImage | undefined {
  const config = byDigest.get(id);
  if (config === undefined) return undefined;
  for (const file of byDigest.values()) {
    const manifest = parsed<OciManifest>(file);
    if (manifest?.config?.digest !== id || !Array.isArray(manifest.layers)) continue;
    if (!manifest.layers.every((layer) => isLayer(layer) && byDigest.has(layer.digest))) continue;
    const image = describe(config, id, {
      manifest: { digest: file.digest, size: file.size, mediaType: manifest.mediaType ?? ociManifestType },
      layers: manifest.layers,
    });
    return { image, manifestBytes: undefined };
  }
  return undefined;
}

const isLayer = (layer: unknown): boolean => {
  const { digest, size, mediaType } = (layer ?? {}) as Partial<IndexLayer>;
  return typeof digest === 'string' && Number.isSafeInteger(size) && typeof mediaType === 'string';
};

/** An image through docker's manifest.json; its OCI manifest is ours then. */
function byDockerList(
  id: string,
  files: ReadonlyMap<string, ScannedFile>,
  links: ReadonlyMap<string, string>,
): ForeignImage | undefined {
  const find = (name: string) => followed(posix.normalize(name), files, links);
  for (const { Config, Layers } of dockerList(files.get('manifest.json'))) {
    const config = find(Config);
    if (config?.digest !== id) continue;
    const found = Layers.map(find);
    if (found.some((file) => file === undefined)) continue;
    const layers = (found as ScannedFile[]).map(({ digest, size, head }) => ({
      mediaType: layerType(head),
      digest,
      size,
    }));
    const { manifest, bytes: manifestBytes } = ociManifest({ digest: id, size: config.size }, layers);
    return { image: describe(config, id, { manifest, layers }), manifestBytes };
  }
  return undefined;
}

function layerType(head: Buffer): string {
  const compression = compressionOf(head);
  return `${ociLayerType}${compression === 'none' ? '' : `+${compression}`}`;
}

function describe(
  config: ScannedFile,
  id: string,
  parts: { manifest: IndexImage['manifest']; layers: { digest: string; size: number; mediaType: string }[] },
): IndexImage {
  const { ids, os, architecture } = diffIds(config);
  const layers: IndexLayer[] = parts.layers.map(({ digest, size, mediaType }, at) => ({
    digest,
    size,
    mediaType,
    diffId: ids[at] ?? digest,
    uncompressedSize: size,
  }));
  return {
    reference: '',
    platform: { os, architecture },
    manifest: parts.manifest,
    config: { digest: id, size: config.size },
    layers,
  };
}

/**
 * An OCI layout tar with these images under the names given, in one further pass over the archive; every blob
 * is proved by its digest on its way. Throws {@link UnreadableArchive} when the archive is no longer what was
 * scanned.
 */
export async function* foreignTar(
  archive: ForeignArchive,
  images: readonly (NamedImage & { manifestBytes: Buffer | undefined })[],
  omit: ReadonlySet<string>,
  options: TarFilesOptions = {},
): AsyncGenerator<Buffer> {
  const missing = new Map<string, number>();
  for (const { name, size, content } of layoutFiles(images, { docker: false, omit })) {
    if ('digest' in content) missing.set(content.digest, size);
    else yield* tarFile(name, size, [content.bytes]);
  }
  for (const { image, manifestBytes } of images) {
    const { digest } = image.manifest;
    if (manifestBytes === undefined || !missing.delete(digest)) continue;
    yield* tarFile(blobName(digest), manifestBytes.length, [manifestBytes]);
  }
  for await (const file of tarFiles(archive.path, options)) {
    const digest = archive.digests.get(file.name) ?? '';
    if (file.linkTarget !== undefined || missing.get(digest) !== file.size) continue;
    missing.delete(digest);
    yield* tarFile(blobName(digest), file.size, provedBlob(file.content, { digest, size: file.size }));
  }
  if (missing.size > 0) throw new UnreadableArchive(`it no longer holds ${[...missing.keys()].join(', ')}`);
  yield tarEnd;
}

async function* tarFile(
  name: string,
  size: number,
  content: AsyncIterable<Buffer> | Iterable<Buffer>,
): AsyncGenerator<Buffer> {
  yield tarHeader(name, size);
  yield* content;
  if (paddedSize(size) > size) yield Buffer.alloc(paddedSize(size) - size);
}
