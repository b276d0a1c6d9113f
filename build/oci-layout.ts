import { createHash } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import type { IndexImage } from '../src/payload/index-schema.ts';
import { SpecError } from './spec-file.ts';

const digest = z.string().regex(/^sha256:[0-9a-f]{64}$/, 'a sha256 digest');
const descriptor = z.object({
  mediaType: z.string(),
  digest,
  size: z.int().nonnegative(),
  platform: z.object({ os: z.string(), architecture: z.string() }).optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
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
  blobPath(digest: string): string;
}

/** Finds `reference` for linux/amd64 in the OCI layout `folder`, a reference's every blob being there with its size. Throws SpecError beginning with `where`. */
export function findImage(folder: string, reference: string, where: string): FoundImage {
  const refuse = (why: string): never => {
    throw new SpecError(`${where}: the image ${reference}: ${why}`);
  };
  const blobPath = (name: string) => join(folder, 'blobs', name.replace(':', '/'));
  const parse = <T>(what: string, text: Buffer, schema: z.ZodType<T>): T => {
    try {
      return schema.parse(JSON.parse(text.toString()));
    } catch {
      return refuse(`${what} is not what the OCI image specification says`);
    }
  };
  const read = (path: string): Buffer => {
    try {
      return readFileSync(path);
    } catch (cause) {
      return refuse(`${path} cannot be read: ${(cause as Error).message}`);
    }
  };
  const readBlob = <T>(blob: { digest: string }, schema: z.ZodType<T>): T => {
    const bytes = read(blobPath(blob.digest));
    if (`sha256:${createHash('sha256').update(bytes).digest('hex')}` !== blob.digest)
      return refuse(`${blobPath(blob.digest)} does not have the digest of its name`);
    return parse(blob.digest, bytes, schema);
  };

  const named = parse('index.json', read(join(folder, 'index.json')), indexDocument).manifests.filter(
    ({ annotations = {} }) =>
      annotations['org.opencontainers.image.ref.name'] === reference ||
      annotations['io.containerd.image.name'] === reference,
  );
  let manifest = named[0] ?? refuse(`not in the OCI layout ${folder}`);
  if (named.length > 1) refuse(`more than once in the OCI layout ${folder}`);
  if (indexTypes.includes(manifest.mediaType))
    manifest =
      readBlob(manifest, indexDocument).manifests.find(
        ({ platform }) => platform?.os === 'linux' && platform.architecture === 'amd64',
      ) ?? refuse('it has no manifest for linux/amd64');
  const { config, layers } = readBlob(manifest, manifestDocument);
  const { os, architecture, rootfs } = readBlob(config, configDocument);
  if (os !== 'linux' || architecture !== 'amd64') refuse(`it is for ${os}/${architecture}, not linux/amd64`);
  if (rootfs.diff_ids.length !== layers.length) refuse('its config and manifest count different layers');

  const image: IndexImage = {
    reference,
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
    if (compression === undefined) return refuse(`a layer of type ${layer.mediaType} cannot be packed`);
    if (compression !== 'none') compressed.push({ layer, compression });
    else if (layer.digest !== layer.diffId) refuse(`the layer ${layer.digest} has another diffId`);
  }
  for (const blob of [image.manifest, image.config, ...image.layers]) {
    const size = statSync(blobPath(blob.digest), { throwIfNoEntry: false })?.size;
    if (size === undefined) refuse(`the blob ${blob.digest} is not in ${folder}`);
    if (size !== blob.size) refuse(`the blob ${blob.digest} has ${size} bytes, not ${blob.size}`);
  }
  return { image, compressed, blobPath };
}
