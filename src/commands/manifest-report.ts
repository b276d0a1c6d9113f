import type { ArchiveComparison } from '../images/compare-archives.ts';
import type { ImageState } from '../images/compare-runtime.ts';
import type { PayloadIndex } from '../payload/index-schema.ts';

/** What containerd says of an image; `unknown` when it was not asked or did not answer. */
export type ContainerdState = ImageState | 'unknown';

export interface ManifestImage {
  reference: string;
  /** os/architecture. */
  platform: string;
  /** The config's digest: the image ID that the container runtime reports. */
  imageId: string;
  layers: number;
  /** Of manifest, config and layers as stored; layers that images share count in each. */
  sizeBytes: number;
  uncompressedBytes: number;
  /** Names of the archives that hold it. */
  archives: string[];
  containerd: ContainerdState;
}

export interface ManifestArchive extends ArchiveComparison {
  sizeBytes: number;
  sha256: string;
  images: string[];
}

/** What `manifest` found: printed as text, or with --json as it is. */
export interface ManifestReport {
  product: string;
  title: string;
  version: string;
  /** MAJOR.MINOR of the payload's format. */
  format: string;
  /** SHA-256 of index.json, which names everything else. */
  payloadDigest: string;
  fileBytes: number;
  headBytes: number;
  payloadBytes: number;
  images: ManifestImage[];
  archives: ManifestArchive[];
  /** Files that are neither image blobs nor archives. */
  files: { name: string; sizeBytes: number; sha256: string }[];
  tools: { name: string; version: string }[];
  /** Why containerd was not compared; absent when it answered. */
  containerdUnknown?: string;
  /** The commands that would bring the archives on disk to this payload's. */
  refresh: { command: string; why: ArchiveComparison['state'] }[];
}

export interface ManifestFindings {
  digest: string;
  archives: readonly ArchiveComparison[];
  containerd: readonly ImageState[] | { unknown: string };
  /** This program as it was typed. */
  program: string;
}

const isBlob = (name: string) => name.startsWith('blobs/');

/** A word of a shell command line, quoted where it must be. */
const shellWord = (word: string) =>
  /^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;

const refreshed: ReadonlySet<ArchiveComparison['state']> = new Set(['different', 'missing', 'unknown']);

/** Joins index and findings; a pure function. */
export function manifestReport(index: PayloadIndex, findings: ManifestFindings): ManifestReport {
  const { containerd, program } = findings;
  const images = index.images.map((image, position) => ({
    reference: image.reference,
    platform: `${image.platform.os}/${image.platform.architecture}`,
    imageId: image.config.digest,
    layers: image.layers.length,
    sizeBytes: image.layers.reduce((sum, { size }) => sum + size, image.manifest.size + image.config.size),
    uncompressedBytes: image.layers.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0),
    archives: index.archives
      .filter((archive) => archive.images.includes(image.reference))
      .map(({ name }) => name),
    containerd: 'unknown' in containerd ? 'unknown' : (containerd[position] ?? 'unknown'),
  })) satisfies ManifestImage[];
  const archives = findings.archives.map((comparison) => {
    const archive = index.archives.find(({ name }) => name === comparison.name);
    const { size: sizeBytes = 0, sha256 = '', images: references = [] } = archive ?? {};
    return { ...comparison, sizeBytes, sha256, images: references };
  });
  return {
    product: index.product,
    title: index.title,
    version: index.version,
    format: `${index.format.major}.${index.format.minor}`,
    payloadDigest: findings.digest,
    fileBytes: index.fileSize,
    headBytes: index.headSize,
    payloadBytes: index.fileSize - index.headSize,
    images,
    archives,
    files: index.entries
      .filter(({ name }) => !isBlob(name))
      .map(({ name, size, sha256 }) => ({ name, sizeBytes: size, sha256 })),
    tools: Object.entries(index.tools).map(([name, { version }]) => ({ name, version })),
    ...('unknown' in containerd ? { containerdUnknown: containerd.unknown } : {}),
    refresh: archives
      .filter(({ state }) => refreshed.has(state))
      .map(({ name, path, state }) => ({
        command: [program, 'extract-file', shellWord(name), shellWord(path)].join(' '),
        why: state,
      })),
  };
}
