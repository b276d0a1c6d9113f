import type { RuntimeImage } from '../host/containerd.ts';
import type { IndexImage } from '../payload/format/index-schema.ts';
import { normalizedReference } from './reference.ts';

/** Whether the name leads to the payload's image, to another one, or nowhere. */
export type ImageState = 'same' | 'different' | 'missing';

/** What the runtime has under the name of an image of the payload. */
export interface RuntimeComparison {
  state: ImageState;
  /** Image ID under that name; undefined when there is none. */
  id: string | undefined;
  /** Kept by kubelet's image garbage collection. */
  pinned: boolean;
}

/** How the runtime's image of each reference compares with the payload's, in the payload's order. */
export function compareWithRuntime(
  images: readonly IndexImage[],
  runtime: readonly RuntimeImage[],
): RuntimeComparison[] {
  const byName = new Map(
    runtime.flatMap((image) => namesOf(image).map((name) => [normalizedReference(name), image] as const)),
  );
  return images.map(({ reference, config }) => {
    const found = byName.get(normalizedReference(reference));
    if (found === undefined) return { state: 'missing', id: undefined, pinned: false };
    return { state: found.id === config.digest ? 'same' : 'different', id: found.id, pinned: found.pinned };
  });
}

/** All names under which CRI knows an image: one with a digest is no tag to it. */
export const namesOf = ({ repoTags, repoDigests }: RuntimeImage): string[] => [...repoTags, ...repoDigests];
