import { parseReference } from '../src/images/reference.ts';
import type { Candidate } from './layout-names.ts';
import { listed } from './layout-names.ts';
import type { LayoutReader } from './layout-reader.ts';
import type { Descriptor, Platform } from './oci-documents.ts';
import { configDocument, indexDocument, indexTypes, manifestDocument } from './oci-documents.ts';

/** Of amd64, v1 is what every processor has; v2 to v4 need newer ones. */
export const isPlainAmd64 = ({ os, architecture, variant }: Partial<Platform>): boolean =>
  os === 'linux' && architecture === 'amd64' && ['', 'v1'].includes(variant ?? '');

export const platformName = ({ os, architecture, variant = '' }: Partial<Platform>): string =>
  `${os}/${architecture}${variant === '' ? '' : `/${variant}`}`;

interface Found {
  manifest: Descriptor;
  platform: Partial<Platform>;
  /** Digests on the way to it, its own included: a reference by digest may name any of them. */
  chain: readonly string[];
}

/** Those below which a manifest or an index has this digest. */
export const holding = <One extends Descriptor>(
  reader: LayoutReader,
  all: readonly One[],
  digest: string,
): One[] => all.filter((one) => manifestsIn(reader, [one]).some(({ chain }) => chain.includes(digest)));

/** How a copy keeps the digests that the registry tells. */
export const digestsKept = 'crane pull --format oci NAME FOLDER';

/**
 * The one manifest for plain linux/amd64 below these descriptors. Refuses none and several, with what is
 * there.
 */
export function chooseManifest(reader: LayoutReader, named: readonly (Candidate & Descriptor)[]): Descriptor {
  const { digest } = parseReference(reader.reference);
  const all = manifestsIn(reader, named);
  const found = digest === undefined ? all : all.filter(({ chain }) => chain.includes(digest));
  if (digest !== undefined && all.length > 0 && found.length === 0) {
    const below = all.filter(({ platform, chain }) => chain.length > 1 && isPlainAmd64(platform));
    const inside = below.map(({ manifest }) => `, for linux/amd64 ${manifest.digest}`).join('');
    reader.refuse(
      `the name asks for ${digest}, and ${reader.source.path} holds ${listed(named)}${inside}: ` +
        `write a digest that is there in chart and spec, or copy the image with its digests (${digestsKept})`,
    );
  }
  const plain = new Map(
    found.filter(({ platform }) => isPlainAmd64(platform)).map(({ manifest }) => [manifest.digest, manifest]),
  );
  if (plain.size > 1) {
    const several = named.length > 1 ? listed(named) : [...plain.keys()].join(', ');
    reader.refuse(`more than once in ${reader.source.path}: ${several}; say which by sourceName`);
  }
  const [manifest] = plain.values();
  if (manifest !== undefined) return manifest;
  const others = [...new Set(found.map(({ platform }) => platformName(platform)))].join(', ');
  return reader.refuse(
    `${reader.source.path} names it, but holds no manifest for linux/amd64 ` +
      (others === '' ? '(docker save --platform linux/amd64 puts it there)' : `(it has ${others})`),
  );
}

/**
 * The manifests below these descriptors. A tool may name platforms and attestations whose blobs it left out:
 * they are passed over, as what is absent cannot be meant.
 */
function manifestsIn(
  reader: LayoutReader,
  descriptors: readonly Descriptor[],
  above: readonly string[] = [],
): Found[] {
  return descriptors.flatMap((one): Found[] => {
    if (one.annotations?.['vnd.docker.reference.type'] !== undefined) return [];
    const bytes = reader.blob(one.digest);
    if (bytes === undefined) return [];
    const chain = [...above, one.digest];
    if (!indexTypes.includes(one.mediaType))
      return [{ manifest: one, platform: one.platform ?? platformOf(reader, one.digest, bytes), chain }];
    if (chain.length > 5) return reader.refuse('its indexes name one another');
    return manifestsIn(reader, reader.parse(one.digest, bytes, indexDocument).manifests, chain);
  });
}

const imageConfigs = [
  'application/vnd.oci.image.config.v1+json',
  'application/vnd.docker.container.image.v1+json',
];

/**
 * What a manifest without a platform is for, by its config. A config that is not there is missed by whoever
 * takes the image.
 */
function platformOf(reader: LayoutReader, digest: string, bytes: Buffer): Partial<Platform> {
  const { config } = reader.parse(digest, bytes, manifestDocument);
  if (!imageConfigs.includes(config.mediaType)) return { os: 'none', architecture: config.mediaType };
  const read = reader.blob(config.digest);
  return read === undefined
    ? { os: 'linux', architecture: 'amd64' }
    : reader.parse(config.digest, read, configDocument);
}
