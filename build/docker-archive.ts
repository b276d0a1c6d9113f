import { createHash } from 'node:crypto';
import { closeSync, openSync, readSync } from 'node:fs';
import { posix } from 'node:path';
import * as z from 'zod';
import { parseReference } from '../src/images/reference.ts';
import { digestsKept } from './choose-manifest.ts';
import { compressionOf } from '../src/images/compression.ts';
import { ociLayerType, ociManifest } from '../src/images/made-manifest.ts';
import type { BlobPlace } from './layout-files.ts';
import { headOf } from './layout-files.ts';
import type { Candidate } from './layout-names.ts';
import { chosenBy, listed } from './layout-names.ts';
import type { ImageParts, LayoutReader } from './layout-reader.ts';
import { sha256Digest } from './layout-reader.ts';
import type { Content } from './pack-source.ts';

/** manifest.json of `docker save`, all versions; newer ones write an OCI layout next to it. */
const listDocument = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()).nullish(),
  }),
);
const diffIds = z.object({ rootfs: z.object({ diff_ids: z.array(z.string()) }) });

/**
 * An image through docker's list. It has no manifest of its own, so one is made: the same bytes for the same
 * config and layers, and the config, whose digest is the image ID, stays as it is. undefined when the list
 * does not name the reference.
 */
export function findInDockerList(
  reader: LayoutReader,
  bytes: Buffer,
  heard: (all: readonly Candidate[]) => void,
): ImageParts | undefined {
  const all = reader.parse('manifest.json', bytes, listDocument).map((image) => ({
    ...image,
    names: image.RepoTags ?? [],
    digest: imageId(reader, image.Config),
  }));
  heard(all);
  const named = chosenBy(reader, all);
  const [image] = named;
  if (image === undefined) return undefined;
  if (new Set(named.map(({ Config }) => Config)).size > 1)
    reader.refuse(`more than once in ${reader.source.path}: ${listed(named)}; say which by sourceName`);
  const place = (name: string): BlobPlace =>
    reader.source.find(posix.normalize(name)) ?? reader.refuse(`${name} is not in ${reader.source.path}`);
  const configPlace = place(image.Config);
  const configBytes = reader.bytes(posix.normalize(image.Config))!;
  const config = { digest: sha256Digest(configBytes), size: configBytes.length };
  const { rootfs } = reader.parse(image.Config, configBytes, diffIds);
  const contents = new Map<string, Content & { size: number }>([[config.digest, configPlace]]);
  const layers = (image.Layers ?? []).map((name, position) => {
    const content = place(name);
    const compression = compressionOf(headOf(content));
    // An uncompressed layer is its own diffId; writing it proves that.
    const digest = compression === 'none' ? rootfs.diff_ids[position] : digestOfName(name, content);
    if (digest === undefined) return reader.refuse('its config and manifest.json count different layers');
    contents.set(digest, content);
    const mediaType = `${ociLayerType}${compression === 'none' ? '' : `+${compression}`}`;
    return { mediaType, digest, size: content.size };
  });
  const made = ociManifest(config, layers);
  const { digest } = parseReference(reader.reference);
  if (digest !== undefined && digest !== made.manifest.digest)
    return reader.refuse(
      `the name asks for ${digest}, and ${reader.source.path} is docker's archive, which keeps no ` +
        `manifest: the one that is made for it has ${made.manifest.digest}. Name it by its tag in chart ` +
        `and spec, or pack an OCI layout with its digests (${digestsKept})`,
    );
  contents.set(made.manifest.digest, { bytes: made.bytes, size: made.bytes.length });
  return { manifest: made.manifest, config, configBytes, layers, contents };
}

/** The digest of the configuration: most tools name the file by it. */
function imageId(reader: LayoutReader, name: string): string {
  const hex = /([0-9a-f]{64})(?:\.json)?$/.exec(name)?.[1];
  if (hex !== undefined) return `sha256:${hex}`;
  const bytes = reader.bytes(posix.normalize(name));
  return bytes === undefined ? name : sha256Digest(bytes);
}

/** `blobs/sha256/HEX` says it; of other names the content is read. */
function digestOfName(name: string, place: BlobPlace): string {
  const hex = /^blobs\/sha256\/([0-9a-f]{64})$/.exec(posix.normalize(name))?.[1];
  if (hex !== undefined) return `sha256:${hex}`;
  const hash = createHash('sha256');
  const buffer = Buffer.alloc(1024 * 1024);
  const file = openSync(place.path, 'r');
  try {
    for (let done = 0; done < place.size;) {
      const length = Math.min(buffer.length, place.size - done);
      const read = readSync(file, buffer, 0, length, place.offset + done);
      if (read === 0) throw new Error(`${place.path} was cut off while it was read`);
      hash.update(buffer.subarray(0, read));
      done += read;
    }
  } finally {
    closeSync(file);
  }
  return `sha256:${hash.digest('hex')}`;
}
