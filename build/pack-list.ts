import { archiveLayout } from '../src/payload/format/archive-layout.ts';
import type { PackPlan } from './pack-plan.ts';

/** Behind a number of bytes. */
export const inPlainLayers =
  "in uncompressed layers (archives of docker's form have them, OCI layouts seldom)";

/**
 * What would be packed, as text: entries in the file's order, images, archives, and what sharing saves. Sizes
 * are bytes.
 */
export function listPlan(plan: PackPlan): string {
  const { product, spec, sources, images, sharedBytes, uncompressedBytes } = plan;
  const uses = new Map<string, number>();
  const parts = images.map(({ manifest, config, layers }) => [manifest, config, ...layers]);
  for (const blobs of parts)
    for (const digest of new Set(blobs.map((blob) => blob.digest)))
      uses.set(digest, (uses.get(digest) ?? 0) + 1);
  const sum = (blobs: readonly { size: number }[]) => blobs.reduce((total, { size }) => total + size, 0);
  const row = (bytes: number, text: string) => `${String(bytes).padStart(14)}  ${text}`;
  return [
    `${product.title} ${spec.release.version}`,
    '',
    'entries',
    ...sources.map(({ name, size }) => row(size, name)),
    row(sum(sources), `in all, ${sources.length} entries`),
    '',
    'images',
    ...images.map(({ reference, layers }, position) => {
      const blobs = parts[position]!;
      const own = blobs.filter(({ digest }) => uses.get(digest) === 1);
      return row(sum(blobs), `${reference}, ${layers.length} layers, ${sum(own)} of its own`);
    }),
    row(sharedBytes, 'saved by sharing blobs'),
    row(uncompressedBytes, inPlainLayers),
    '',
    'archives, put together when they are asked for',
    ...Object.entries(spec.archives).map(([name, inside]) =>
      row(archiveLayout({ images }, { images: inside }).gzipSize, `${name}, ${inside.length} images`),
    ),
    '',
  ].join('\n');
}
