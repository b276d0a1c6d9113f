import * as z from 'zod';
import { normalizedReference } from '../src/images/compare-runtime.ts';
import type { IndexImage } from '../src/payload/index-schema.ts';
import type { BlobSource } from './blob-source.ts';
import { findInDockerList } from './docker-archive.ts';
import type { ImageParts } from './layout-reader.ts';
import { blobName } from '../src/images/blob-name.ts';
import { LayoutReader } from './layout-reader.ts';
import type { Content } from './pack-plan.ts';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'a sha256 digest');
const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size: z.int().nonnegative(),
  platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
type Descriptor = z.infer<typeof descriptor>;
const indexDocument = z.object({ manifests: z.array(descriptor) });
const manifestDocument = z.object({ config: descriptor, layers: z.array(descriptor) });
const configDocument = z.object({
  os: z.string(),
  architecture: z.string(),
  rootfs: z.object({ diff_ids: z.array(digest) }),
});

/** How a layer is compressed, by its media type. */
export type LayerCompression = 'none' | 'gzip' | 'zstd';

const layerTypes: Record<string, LayerCompression> = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
};
const indexTypes = [
  'application/vnd.oci.image.index.v1+json',
  'application/vnd.docker.distribution.manifest.list.v2+json',
];

/** An image found in a layout; `uncompressedSize` of its compressed layers is still to be measured. */
export interface FoundImage {
  image: IndexImage;
  /** Layers that have to be decompressed to know their size and prove their diffId. */
  compressed: { layer: IndexImage['layers'][number]; compression: LayerCompression }[];
  blobContent(digest: string): Content;
  /** `FILE:LINE` of the spec that names it. */
  where: string;
}

/**
 * Finds `reference` for linux/amd64 in an OCI layout or a docker-archive, its every blob being there with its size. Throws
 * {@link SpecError} beginning with `where`.
 */
export function findImage(source: BlobSource, reference: string, where: string): FoundImage {
  const reader = new LayoutReader(source, reference, where);
  const index = reader.bytes('index.json');
  const dockerList = reader.bytes('manifest.json');
  if (index === undefined && dockerList === undefined)
    reader.refuse(`${source.path} has neither index.json nor manifest.json: no image layout`);
  const parts =
    (index === undefined ? undefined : findInIndex(reader, index)) ??
    (dockerList === undefined ? undefined : findInDockerList(reader, dockerList)) ??
    reader.refuse(`not in ${source.path}`);
  return { ...described(reader, parts), where };
}

/** Through index.json; undefined when it does not name the reference. */
function findInIndex(reader: LayoutReader, bytes: Buffer): ImageParts | undefined {
  const isNamed = ({ annotations = {} }: Descriptor): boolean =>
    ['org.opencontainers.image.ref.name', 'io.containerd.image.name'].some(
      (key) =>
        annotations[key] !== undefined &&
        normalizedReference(annotations[key]) === normalizedReference(reader.reference),
    );
  const named = reader.parse('index.json', bytes, indexDocument).manifests.filter(isNamed);
  if (named.length === 0) return undefined;
  const found = new Map(manifestsIn(reader, named).map((manifest) => [manifest.digest, manifest]));
  if (found.size > 1) reader.refuse(`more than once in ${reader.source.path}`);
  const [manifest] = found.values();
  if (manifest === undefined)
    return reader.refuse(
      `${reader.source.path} names it, but holds no manifest for linux/amd64 (docker save --platform linux/amd64 puts it there)`,
    );
  const document = reader.parse(manifest.digest, reader.blob(manifest.digest)!, manifestDocument);
  const { config, layers } = document;
  const configBytes =
    reader.blob(config.digest) ?? reader.refuse(`the blob ${config.digest} is not in ${reader.source.path}`);
  const contents = new Map(
    [manifest, config, ...layers].map(({ digest, size }) => {
      const place =
        reader.source.find(blobName(digest)) ??
        reader.refuse(`the blob ${digest} is not in ${reader.source.path}`);
      if (place.size !== size) reader.refuse(`the blob ${digest} has ${place.size} bytes, not ${size}`);
      return [digest, place] as const;
    }),
  );
  return { manifest, config, configBytes, layers, contents };
}

/**
 * The manifests for linux/amd64 below these descriptors. A tool may name platforms and attestations whose blobs it left out: they are
 * passed over, as what is absent cannot be meant.
 */
function manifestsIn(reader: LayoutReader, descriptors: readonly Descriptor[], depth = 0): Descriptor[] {
  return descriptors.flatMap((one): Descriptor[] => {
    const { os = 'linux', architecture = 'amd64' } = one.platform ?? {};
    if (os !== 'linux' || architecture !== 'amd64') return [];
    if (one.annotations?.['vnd.docker.reference.type'] !== undefined) return [];
    const bytes = reader.blob(one.digest);
    if (bytes === undefined) return [];
    if (!indexTypes.includes(one.mediaType)) return [one];
    if (depth > 4) return reader.refuse(`its indexes name one another`);
    return manifestsIn(reader, reader.parse(one.digest, bytes, indexDocument).manifests, depth + 1);
  });
}

function described(reader: LayoutReader, parts: ImageParts): Omit<FoundImage, 'where'> {
  const { manifest, config, layers, contents } = parts;
  const { os, architecture, rootfs } = reader.parse(config.digest, parts.configBytes, configDocument);
  if (os !== 'linux' || architecture !== 'amd64')
    reader.refuse(`it is for ${os}/${architecture}, not linux/amd64`);
  if (rootfs.diff_ids.length !== layers.length)
    reader.refuse('its config and manifest count different layers');
  const image: IndexImage = {
    reference: reader.reference,
    platform: { os, architecture },
    manifest: { digest: manifest.digest, size: manifest.size, mediaType: manifest.mediaType },
    config: { digest: config.digest, size: config.size },
    layers: layers.map((layer, position) => ({
      digest: layer.digest,
      mediaType: layer.mediaType,
      size: layer.size,
      diffId: rootfs.diff_ids[position]!,
      uncompressedSize: layer.size,
    })),
  };
  const compressed: FoundImage['compressed'] = [];
  for (const layer of image.layers) {
    const compression = layerTypes[layer.mediaType];
    if (compression === undefined)
      return reader.refuse(`a layer of type ${layer.mediaType} cannot be packed`);
    if (compression !== 'none') compressed.push({ layer, compression });
    else if (layer.digest !== layer.diffId) reader.refuse(`the layer ${layer.digest} has another diffId`);
  }
  return { image, compressed, blobContent: (name) => contents.get(name)! };
}
