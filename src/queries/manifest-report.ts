import type { HostImages } from './host-images.ts';
import type { ArchiveComparison } from '../images/compare-archives.ts';
import { compareWithRuntime } from '../images/compare-runtime.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product } from '../payload/product-schema.ts';
import { shellWord } from '../shell-word.ts';
import { imageThatRuns, runningImages, stateInCluster } from '../images/compare-cluster.ts';
import { imageLoad } from '../images/load-forecast.ts';
import { entitlementsFor } from '../images/wanted.ts';
import { notesBetween, type ReleaseNotes, toldNotes } from '../policy/release-notes.ts';
import { uniqueBytes } from '../images/unique-bytes.ts';
import type { ManifestImage, ManifestReport } from './manifest-schema.ts';

export interface ManifestFindings {
  digest: string;
  key: string | null;
  archives: readonly ArchiveComparison[];
  host: HostImages;
  /** The installed release, where it is newer than this one: an upgrade to this one is refused. */
  newerInstalled?: string;
  /** Of this file's release. */
  notes: readonly ReleaseNotes[];
  /** The installed version; null where it is not known. */
  installed: string | null;
  /** This program as it was typed. */
  program: string;
}

const isBlob = (name: string) => name.startsWith('blobs/');

const refreshed: ReadonlySet<ArchiveComparison['state']> = new Set(['different', 'missing', 'unknown']);

/** What the installed licence says of the images of these archives; null where every host needs them. */
function licenceOf(
  product: Pick<Product, 'archives' | 'entitlements'>,
  archives: readonly string[],
  { entitlements }: HostImages,
): ManifestImage['licence'] {
  const needed = entitlementsFor(product, archives);
  if (needed === undefined) return null;
  const installed = entitlements.known ? entitlements.value : undefined;
  const granted = installed === undefined ? null : needed.some((name) => installed.includes(name));
  return { entitlements: needed, granted };
}

function manifestImages(
  index: PayloadIndex,
  product: Pick<Product, 'archives' | 'entitlements'>,
  host: HostImages,
): ManifestImage[] {
  const { runtime, pods } = host;
  const inContainerd = runtime.known ? compareWithRuntime(index.images, runtime.value) : [];
  const unique = uniqueBytes(index.images);
  return index.images.map((image, position) => {
    const { state = 'unknown', id, pinned } = inContainerd[position] ?? {};
    const archives = index.archives
      .filter((archive) => archive.images.includes(image.reference))
      .map(({ name }) => name);
    return {
      reference: image.reference,
      platform: `${image.platform.os}/${image.platform.architecture}`,
      imageId: image.config.digest,
      layers: image.layers.length,
      sizeBytes: image.layers.reduce((sum, { size }) => sum + size, image.manifest.size + image.config.size),
      uniqueBytes: unique[position] ?? 0,
      uncompressedBytes: image.layers.reduce((sum, { uncompressedSize }) => sum + uncompressedSize, 0),
      archives,
      licence: licenceOf(product, archives, host),
      containerd: state,
      containerdImageId: id ?? null,
      pinned: id === undefined ? null : (pinned ?? null),
      cluster: pods.known ? stateInCluster(image, runningImages(pods.value), index.images) : 'unknown',
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
      : `${newerInstalled} is installed, which is newer than ${index.version}`;
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
    images: manifestImages(index, product, host),
    archives,
    files: index.entries
      .filter(({ name }) => !isBlob(name))
      .map(({ name, size, sha256 }) => ({ name, sizeBytes: size, sha256 })),
    tools: Object.entries(index.tools).map(([name, { version }]) => ({ name, version })),
    running: pods.known
      ? runningImages(pods.value).map((one) => ({
          ...one,
          image: imageThatRuns(index.images, one.imageId)?.reference ?? null,
        }))
      : null,
    load:
      store.known && refused === undefined
        ? imageLoad(index, product, store.value, entitlements.known ? (entitlements.value ?? []) : undefined)
        : null,
    noUpgrade: refused,
    unknown: {
      ...(runtime.known ? {} : { containerd: runtime.why }),
      ...(pods.known ? {} : { cluster: pods.why }),
      ...(store.known ? {} : { load: store.why }),
      ...(entitlements.known ? {} : { licence: entitlements.why }),
    },
    notes: {
      after: findings.installed,
      releases: toldNotes(notesBetween(findings.notes, { from: findings.installed, to: index.version })),
    },
    refresh: archives
      .filter(({ state }) => refreshed.has(state))
      .map(({ name, path, state }) => ({
        command: [program, 'extract-file', shellWord(name), shellWord(path)].join(' '),
        why: state,
      })),
  };
}
