import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { place, sha256 } from './layer.ts';
import type { Layer } from './layer.ts';

/** An image before it is written: its layers from the bottom up and the run-time part of its config. */
export interface ImageSource {
  reference: string;
  labels: Record<string, string>;
  layers: Layer[];
  config: Record<string, unknown>;
}

interface Descriptor {
  mediaType: string;
  digest: string;
  size: number;
}

const platform = { architecture: 'amd64', os: 'linux' };
const mediaType = (name: string) => `application/vnd.oci.image.${name}`;

/**
 * Writes one OCI image layout with all the images; blobs that images share are there once. Nothing in it
 * tells when or where it was made.
 */
export async function writeOciLayout(folder: string, images: readonly ImageSource[]): Promise<void> {
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const putJson = async (type: string, value: unknown): Promise<Descriptor> => {
    const content = Buffer.from(JSON.stringify(value));
    const digest = sha256(content);
    await writeFile(join(blobs, digest.slice(7)), content);
    return { mediaType: mediaType(type), digest, size: content.length };
  };
  const manifests = [];
  for (const { reference, labels, layers, config } of images) {
    for (const layer of layers) await place(layer.file, join(blobs, layer.digest.slice(7)));
    const configDescriptor = await putJson('config.v1+json', {
      ...platform,
      config: { ...config, Labels: labels },
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    });
    const manifest = await putJson('manifest.v1+json', {
      schemaVersion: 2,
      mediaType: mediaType('manifest.v1+json'),
      config: configDescriptor,
      layers: layers.map(({ digest, sizeBytes }) => ({
        mediaType: mediaType('layer.v1.tar+gzip'),
        digest,
        size: sizeBytes,
      })),
    });
    manifests.push({
      ...manifest,
      platform,
      // containerd takes the complete name from its own key; other tools look for the other one.
      annotations: { 'io.containerd.image.name': reference, 'org.opencontainers.image.ref.name': reference },
    });
  }
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeFile(
    join(folder, 'index.json'),
    JSON.stringify({ schemaVersion: 2, mediaType: mediaType('index.v1+json'), manifests }),
  );
}
