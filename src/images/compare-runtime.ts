import type { IndexImage } from '../payload/index-schema.ts';

/** An image as the container runtime lists it. */
export interface RuntimeImage {
  /** The config's digest, `sha256:HEX`. */
  id: string;
  names: readonly string[];
}

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

/** How the runtime's image of each reference stands to the payload's, in the payload's order. */
export function compareWithRuntime(
  images: readonly IndexImage[],
  runtime: readonly RuntimeImage[],
): ImageState[] {
  const ids = new Map(
    runtime.flatMap(({ id, names }) => names.map((name) => [normalizedReference(name), id])),
  );
  return images.map(({ reference, config }) => {
    const id = ids.get(normalizedReference(reference));
    if (id === undefined) return 'missing';
    return id === config.digest ? 'same' : 'different';
  });
}
