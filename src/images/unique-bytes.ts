import { blobsOf } from '../payload/format/archive-layout.ts';
import type { IndexImage } from '../payload/format/index-schema.ts';

/** Bytes of the blobs that no other of these images has, in their order. */
export function uniqueBytes(images: readonly IndexImage[]): number[] {
  const owners = new Map<string, number>();
  for (const image of images)
    for (const { digest } of blobsOf([image])) owners.set(digest, (owners.get(digest) ?? 0) + 1);
  return images.map((image) =>
    blobsOf([image]).reduce((sum, { digest, size }) => sum + (owners.get(digest) === 1 ? size : 0), 0),
  );
}
