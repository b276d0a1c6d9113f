import type { IndexArchive, IndexImage, PayloadIndex } from './index-schema.ts';
import { gzipHeader, storedGzipOffset, storedGzipSize } from './archive-gzip.ts';
import { paddedSize, tarBlock, tarEnd, tarHeader } from './archive-tar.ts';
import { blobName } from './entries.ts';

/** FORMAT.md, Archives: the files of one and their places. */

/** One file inside an image archive: bytes made from the index, or a blob that the payload holds. */
export interface ArchivePart {
  name: string;
  size: number;
  /** Positions in the tar, of the header and of the content. */
  headerOffset: number;
  offset: number;
  content: { bytes: Buffer } | { digest: string };
}

/** Where every byte of an archive is; nothing is read to know it. */
export interface ArchiveLayout {
  parts: ArchivePart[];
  tarSize: number;
  /** Size of the file: the tar inside gzip's stored blocks. */
  gzipSize: number;
}

/** An image under the name that the archive gives it. */
export interface NamedImage {
  image: IndexImage;
  name: string;
}

/** The tag of `registry:port/path:tag`, `latest` when it has none. */
function tagOf(reference: string): string {
  const last = reference.slice(reference.lastIndexOf('/') + 1).replace(/@.*$/, '');
  return last.includes(':') ? last.slice(last.indexOf(':') + 1) : 'latest';
}

const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));

/**
 * index.json of an OCI layout; containerd names images by the annotation of its own, others by the OCI one.
 */
function ociIndex(images: readonly NamedImage[]): Buffer {
  return json({
    schemaVersion: 2,
    mediaType: 'application/vnd.oci.image.index.v1+json',
    manifests: images.map(({ image, name }) => ({
      mediaType: image.manifest.mediaType,
      digest: image.manifest.digest,
      size: image.manifest.size,
      platform: image.platform,
      annotations: { 'io.containerd.image.name': name, 'org.opencontainers.image.ref.name': tagOf(name) },
    })),
  });
}

/** manifest.json, from which Docker's own image store loads. */
function dockerManifest(images: readonly NamedImage[]): Buffer {
  return json(
    images.map(({ image, name }) => ({
      Config: blobName(image.config.digest),
      RepoTags: [name],
      Layers: image.layers.map((layer) => blobName(layer.digest)),
    })),
  );
}

/** Digest and size of each blob of the images, once: manifests, then configs, then layers. */
export function blobsOf(images: readonly IndexImage[]): { digest: string; size: number }[] {
  const blobs = [
    ...images.map((image) => image.manifest),
    ...images.map((image) => image.config),
    ...images.flatMap((image) => image.layers),
  ];
  return [...new Map(blobs.map(({ digest, size }) => [digest, { digest, size }])).values()];
}

/**
 * Files of an OCI layout tar: what names the images first, then the blobs. `docker`: readable by `docker
 * load` too.
 */
export function layoutFiles(
  images: readonly NamedImage[],
  options: { docker: boolean; omit?: ReadonlySet<string> },
): { name: string; size: number; content: ArchivePart['content'] }[] {
  const made: [string, Buffer][] = [
    ['index.json', ociIndex(images)],
    ['oci-layout', json({ imageLayoutVersion: '1.0.0' })],
  ];
  if (options.docker) made.push(['manifest.json', dockerManifest(images)]);
  return [
    ...made.map(([name, bytes]) => ({ name, size: bytes.length, content: { bytes } })),
    ...blobsOf(images.map(({ image }) => image))
      .filter(({ digest }) => options.omit?.has(digest) !== true)
      .map(({ digest, size }) => ({ name: blobName(digest), size, content: { digest } })),
  ];
}

/** Places files one after another in a tar. */
export function placeInTar(
  files: readonly { name: string; size: number; content: ArchivePart['content'] }[],
): {
  parts: ArchivePart[];
  tarSize: number;
} {
  let position = 0;
  const parts = files.map((file) => {
    const part = { ...file, headerOffset: position, offset: position + tarBlock };
    position = part.offset + paddedSize(file.size);
    return part;
  });
  return { parts, tarSize: position + tarEnd.length };
}

/**
 * The archive of that name, as the index describes it. The index has been checked: each reference in an
 * archive is an image of it.
 */
export function archiveLayout(
  index: Pick<PayloadIndex, 'images'>,
  archive: Pick<IndexArchive, 'images'>,
): ArchiveLayout {
  const named = archive.images.map((reference) => {
    const image = index.images.find((candidate) => candidate.reference === reference);
    if (image === undefined) throw new RangeError(`no image ${reference} in the index`);
    return { image, name: reference };
  });
  const { parts, tarSize } = placeInTar(layoutFiles(named, { docker: true }));
  return { parts, tarSize, gzipSize: storedGzipSize(tarSize) };
}

/** The header before a part in the tar. */
export const partHeader = (part: Pick<ArchivePart, 'name' | 'size'>): Buffer =>
  tarHeader(part.name, part.size);

const firstName = Buffer.from('index.json\0');

/** Bytes at the start of a file by which {@link startsAsArchive} knows it. */
export const archiveStart: number = storedGzipOffset(0) + firstName.length;

/**
 * Whether a file starts with gzip's header as it is written here, a stored block, and the name of the first
 * file in the tar.
 */
export function startsAsArchive(start: Buffer): boolean {
  const [kind = 0xff] = start.subarray(gzipHeader.length);
  const name = start.subarray(storedGzipOffset(0), archiveStart);
  return start.subarray(0, gzipHeader.length).equals(gzipHeader) && kind <= 1 && name.equals(firstName);
}
