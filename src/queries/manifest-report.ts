import type { HostImages } from './host-images.ts';
import type { ArchiveComparison } from '../images/compare-archives.ts';
import { compareWithRuntime, type ImageState } from '../images/compare-runtime.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product } from '../payload/product-schema.ts';
import { shellWord } from '../shell-word.ts';
import {
  type ClusterState,
  runningImages,
  type RunningImage,
  stateInCluster,
} from '../images/compare-cluster.ts';
import { type ImageLoad, imageLoad } from '../images/load-forecast.ts';
import { uniqueBytes } from '../images/unique-bytes.ts';

/** One image of the payload, and what this host has of it. */
export interface ManifestImage {
  reference: string;
  /** os/architecture. */
  platform: string;
  /** The config's digest: the image ID that the container runtime reports. */
  imageId: string;
  layers: number;
  /** Of manifest, config and layers as stored; layers that images share count in each. */
  sizeBytes: number;
  /** Of what no other image of the payload has. */
  uniqueBytes: number;
  uncompressedBytes: number;
  /** Names of the archives that hold it. */
  archives: string[];
  /** What containerd has under the reference; `unknown` when it was not asked or did not answer. */
  containerd: ImageState | 'unknown';
  /** Image ID that containerd has under the reference; null when there is none or it is unknown. */
  containerdImageId: string | null;
  /** Whether kubelet's garbage collection leaves that one alone; null when there is none or it is unknown. */
  pinned: boolean | null;
  /** Whether pods in the product's namespace run it (`runs`), another image of its repository (`other`), or neither (`none`). */
  cluster: ClusterState | 'unknown';
}

export interface ManifestArchive extends ArchiveComparison {
  sizeBytes: number;
  sha256: string;
  images: string[];
}

/** What `manifest` found: printed as text, or with --json as it is. Sizes are bytes, digests `sha256:HEX`, other hashes hexadecimal. */
export interface ManifestReport {
  product: string;
  title: string;
  version: string;
  /** MAJOR.MINOR of the payload's format. */
  format: string;
  /** Fingerprint of the key that signed the payload; null when nobody did. */
  key: string | null;
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
  /** Images of the containers in the product's namespace; null when the cluster is unknown. */
  running: RunningImage[] | null;
  /** What an upgrade would load; null when that is not known, or no upgrade goes to this release. */
  load: ImageLoad | null;
  /** Why no upgrade goes to this release; absent where one may. */
  noUpgrade?: string;
  /** Why a part is unknown; absent for a part that answered. */
  unknown: { containerd?: string; cluster?: string; load?: string; licence?: string };
  /** The commands that would bring the archives on disk to this payload's. */
  refresh: { command: string; why: ArchiveComparison['state'] }[];
}

export interface ManifestFindings {
  digest: string;
  key: string | null;
  archives: readonly ArchiveComparison[];
  host: HostImages;
  /** The installed release, where it is a newer one than this: no upgrade goes back to it. */
  newerInstalled?: string | undefined;
  /** This program as it was typed. */
  program: string;
}

const isBlob = (name: string) => name.startsWith('blobs/');

const refreshed: ReadonlySet<ArchiveComparison['state']> = new Set(['different', 'missing', 'unknown']);

function manifestImages(index: PayloadIndex, { runtime, pods }: HostImages): ManifestImage[] {
  const inContainerd = runtime.known ? compareWithRuntime(index.images, runtime.value) : [];
  const unique = uniqueBytes(index.images);
  return index.images.map((image, position) => {
    const { state = 'unknown', id, pinned } = inContainerd[position] ?? {};
    return {
      reference: image.reference,
      platform: `${image.platform.os}/${image.platform.architecture}`,
      imageId: image.config.digest,
      layers: image.layers.length,
      sizeBytes: image.layers.reduce((sum, { size }) => sum + size, image.manifest.size + image.config.size),
      uniqueBytes: unique[position] ?? 0,
      uncompressedBytes: image.layers.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0),
      archives: index.archives
        .filter((archive) => archive.images.includes(image.reference))
        .map(({ name }) => name),
      containerd: state,
      containerdImageId: id ?? null,
      pinned: id === undefined ? null : (pinned ?? null),
      cluster: pods.known ? stateInCluster(image, runningImages(pods.value)) : 'unknown',
    };
  });
}

/** Joins index and findings; a pure function. */
export function manifestReport(
  index: PayloadIndex,
  product: Pick<Product, 'archives' | 'entitlements'>,
  findings: ManifestFindings,
): ManifestReport {
  const { host, program, newerInstalled } = findings;
  const refused =
    newerInstalled === undefined
      ? undefined
      : `${newerInstalled} is installed, and no upgrade goes from there to ${index.version}`;
  const { runtime, store, pods, entitlements } = host;
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
    key: findings.key,
    payloadDigest: findings.digest,
    fileBytes: index.fileSize,
    headBytes: index.headSize,
    payloadBytes: index.fileSize - index.headSize,
    images: manifestImages(index, host),
    archives,
    files: index.entries
      .filter(({ name }) => !isBlob(name))
      .map(({ name, size, sha256 }) => ({ name, sizeBytes: size, sha256 })),
    tools: Object.entries(index.tools).map(([name, { version }]) => ({ name, version })),
    running: pods.known ? runningImages(pods.value) : null,
    load:
      store.known && refused === undefined
        ? imageLoad(index, product, store.value, entitlements.known ? entitlements.value : undefined)
        : null,
    ...(refused === undefined ? {} : { noUpgrade: refused }),
    unknown: {
      ...(runtime.known ? {} : { containerd: runtime.why }),
      ...(pods.known ? {} : { cluster: pods.why }),
      ...(store.known ? {} : { load: store.why }),
      ...(entitlements.known ? {} : { licence: entitlements.why }),
    },
    refresh: archives
      .filter(({ state }) => refreshed.has(state))
      .map(({ name, path, state }) => ({
        command: [program, 'extract-file', shellWord(name), shellWord(path)].join(' '),
        why: state,
      })),
  };
}
