import type { KubeObject } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';

/** A release as Helm tells it from others. */
export type ReleaseName = Pick<Product, 'release' | 'namespace'>;

/** The annotations by which Helm says that an object belongs to a release. */
export const releaseMarks = ({ release, namespace }: ReleaseName) => ({
  'meta.helm.sh/release-name': release,
  'meta.helm.sh/release-namespace': namespace,
});

/** Whether Helm says that an object belongs to this release. */
export const isOfRelease = (
  { metadata: { annotations = {} } }: { metadata: Pick<KubeObject['metadata'], 'annotations'> },
  product: ReleaseName,
): boolean => Object.entries(releaseMarks(product)).every(([key, value]) => annotations[key] === value);
