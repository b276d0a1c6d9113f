import { createHash } from 'node:crypto';

/** An OCI manifest of ours, for an image that came without one (`docker save`). */
interface MadeManifest {
  manifest: { digest: string; size: number; mediaType: string };
  bytes: Buffer;
}

export const ociManifestType = 'application/vnd.oci.image.manifest.v1+json';
/** Of an uncompressed layer; `+gzip` and `+zstd` follow on it. */
export const ociLayerType = 'application/vnd.oci.image.layer.v1.tar';

/**
 * The same config and layers give the same bytes: packing and importing make the same manifest of one
 * archive.
 */
export function ociManifest(
  config: { digest: string; size: number },
  layers: readonly { mediaType: string; digest: string; size: number }[],
): MadeManifest {
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifestType,
      config: {
        mediaType: 'application/vnd.oci.image.config.v1+json',
        digest: config.digest,
        size: config.size,
      },
      layers: layers.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
    }),
  );
  const digest = `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
  return { manifest: { digest, size: bytes.length, mediaType: ociManifestType }, bytes };
}
