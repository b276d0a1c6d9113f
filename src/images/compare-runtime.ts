import type { RuntimeImage } from '../host/containerd.ts';
import type { IndexImage } from '../payload/index-schema.ts';

/** Whether the name leads to the payload's image, to another one, or nowhere. */
export type ImageState = 'same' | 'different' | 'missing';

/** A reference as containerd stores it: `x:1` is `docker.io/library/x:1`. Source: distribution/reference's familiar names. */
export function normalizedReference(reference: string): string {
  const [first = '', ...rest] = reference.split('/');
  const hasHost = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  const path = hasHost
    ? reference
    : rest.length > 0
      ? `docker.io/${reference}`
      : `docker.io/library/${reference}`;
  const last = path.slice(path.lastIndexOf('/') + 1);
  return /[:@]/.test(last) ? path : `${path}:latest`;
}

/** What the runtime has under the name of an image of the payload. */
export interface RuntimeComparison {
  state: ImageState;
  /** Image ID under that name; undefined when there is none. */
  id: string | undefined;
  /** Kept by kubelet's image garbage collection. */
  pinned: boolean;
}

/** How the runtime's image of each reference stands to the payload's, in the payload's order. */
export function compareWithRuntime(
  images: readonly IndexImage[],
  runtime: readonly RuntimeImage[],
): RuntimeComparison[] {
  const byName = new Map(
    runtime.flatMap((image) => image.repoTags.map((name) => [normalizedReference(name), image] as const)),
  );
  return images.map(({ reference, config }) => {
    const found = byName.get(normalizedReference(reference));
    if (found === undefined) return { state: 'missing', id: undefined, pinned: false };
    return { state: found.id === config.digest ? 'same' : 'different', id: found.id, pinned: found.pinned };
  });
}

/** A reference without tag and digest, as containerd stores it. */
export function repositoryOf(reference: string): string {
  const path = normalizedReference(reference).replace(/@.*$/, '');
  const slash = path.lastIndexOf('/');
  return path.slice(0, slash + 1) + path.slice(slash + 1).replace(/:.*$/, '');
}
