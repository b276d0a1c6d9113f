import { blobName } from '../src/payload/format/entries.ts';
import type { Compression } from '../src/images/compression.ts';
import type { IndexImage } from '../src/payload/format/index-schema.ts';
import type { LayoutFiles } from './layout-files.ts';
import { parseReference } from '../src/images/reference.ts';
import { chooseManifest, holding, isPlainAmd64, platformName } from './choose-manifest.ts';
import { findInDockerList } from './docker-archive.ts';
import type { Candidate } from './layout-names.ts';
import { chosenBy, notFound } from './layout-names.ts';
import type { ImageParts, Wanted } from './layout-reader.ts';
import { LayoutReader } from './layout-reader.ts';
import type { Descriptor } from './oci-documents.ts';
import { configDocument, indexDocument, manifestDocument } from './oci-documents.ts';
import type { Content } from './pack-source.ts';

/** How a layer is compressed, by its media type. */
const layerTypes: Record<string, Compression> = {
  'application/vnd.oci.image.layer.v1.tar': 'none',
  'application/vnd.oci.image.layer.v1.tar+gzip': 'gzip',
  'application/vnd.oci.image.layer.v1.tar+zstd': 'zstd',
  'application/vnd.docker.image.rootfs.diff.tar': 'none',
  'application/vnd.docker.image.rootfs.diff.tar.gzip': 'gzip',
  'application/vnd.docker.image.rootfs.diff.tar.zstd': 'zstd',
};
/** An image found in a layout; `uncompressedSize` of its compressed layers is still to be measured. */
export interface FoundImage {
  image: IndexImage;
  /** Layers that have to be decompressed to know their size and prove their diffId. */
  compressed: { layer: IndexImage['layers'][number]; compression: Compression }[];
  blobContent(digest: string): Content;
  /** `FILE:LINE` of the spec that names it. */
  where: string;
  /** Of its configuration. */
  variables: ReadonlyMap<string, string>;
}

/**
 * Finds an image for linux/amd64 in an OCI layout or a docker-archive, its every blob being there with its
 * size. Throws {@link SpecError} beginning with `where`.
 */
export function findImage(source: LayoutFiles, wanted: Wanted): FoundImage {
  const reader = new LayoutReader(source, wanted);
  const index = reader.bytes('index.json');
  const dockerList = reader.bytes('manifest.json');
  if (index === undefined && reader.bytes('version')?.toString().startsWith('Directory Transport') === true)
    reader.refuse(
      `${source.path} is skopeo's dir:, which names no image; an OCI layout ` +
        `does: skopeo copy dir:${source.path} oci:LAYOUT:${wanted.reference}`,
    );
  if (index === undefined && dockerList === undefined)
    reader.refuse(`${source.path} has neither index.json nor manifest.json: no image layout`);
  // A docker archive of newer tools names the same images in both lists.
  let candidates: readonly Candidate[] = [];
  const heard = (all: readonly Candidate[]) => {
    if (candidates.length === 0) candidates = all;
  };
  const parts =
    (index === undefined ? undefined : findInIndex(reader, index, heard)) ??
    (dockerList === undefined ? undefined : findInDockerList(reader, dockerList, heard)) ??
    reader.refuse(notFound(reader, candidates));
  return { ...described(reader, parts), where: wanted.where };
}

/** Through index.json; undefined when it does not name the reference. */
function findInIndex(
  reader: LayoutReader,
  bytes: Buffer,
  heard: (all: readonly Candidate[]) => void,
): ImageParts | undefined {
  const all = reader.parse('index.json', bytes, indexDocument).manifests.filter(isImage).map(candidate);
  heard(all);
  const named = chosenBy(reader, all);
  const { digest } = parseReference(reader.reference);
  // A digest says more than any name that a tool has given.
  const meant = digest === undefined || reader.sourceName !== undefined ? [] : holding(reader, all, digest);
  if (named.length === 0 && meant.length === 0) return undefined;
  const manifest = chooseManifest(reader, meant.length > 0 ? meant : named);
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

/** Signatures and the like that Hauler and cosign keep beside an image, under its name. */
const isImage = ({ annotations = {} }: Descriptor): boolean =>
  !/\/(sigs|atts|sboms)$/.test(annotations['kind'] ?? '');

const candidate = (one: Descriptor): Candidate & Descriptor => ({
  ...one,
  names: [one.annotations?.['io.containerd.image.name'] ?? []].flat(),
  refName: one.annotations?.['org.opencontainers.image.ref.name'],
});

function described(reader: LayoutReader, parts: ImageParts): Omit<FoundImage, 'where'> {
  const { manifest, config, layers, contents } = parts;
  const {
    os,
    architecture,
    variant,
    rootfs,
    config: process,
  } = reader.parse(config.digest, parts.configBytes, configDocument);
  if (!isPlainAmd64({ os, architecture, variant }))
    reader.refuse(`it is for ${platformName({ os, architecture, variant })}, not linux/amd64`);
  if (layers.length === 0)
    reader.refuse('it has no layers: nothing can start from it, and containerd never has it ready');
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
  const variables = new Map(
    (process?.Env ?? []).map((line) => {
      const [name = '', ...value] = line.split('=');
      return [name, value.join('=')];
    }),
  );
  return { image, variables, compressed, blobContent: (name) => contents.get(name)! };
}
