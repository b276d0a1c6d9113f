import type { Kubectl, KubeObject } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import { ourLabels } from './ours.ts';

/**
 * Our labels on a namespace that was there before the install: only those that it did not have are added, so
 * that taking these off leaves it as it was. It is never applied: kubectl would take over what another
 * `kubectl apply` has set, and remove it.
 */

type Asking = { kubectl: Pick<Kubectl, 'label'>; product: Product };

/** Keys of our labels that the namespace has in no way, also not with another value. */
export const missingLabels = (product: Product, { metadata: { labels = {} } }: KubeObject): string[] =>
  Object.keys(ourLabels(product)).flatMap((key) => (labels[key] === undefined ? [key] : []));

export async function addLabels({ kubectl, product }: Asking, keys: readonly string[]): Promise<void> {
  const words = Object.entries(ourLabels(product)).flatMap(([key, value]) =>
    keys.includes(key) ? [`${key}=${value}`] : [],
  );
  if (words.length > 0) await kubectl.label('namespace', product.namespace, words);
}

/** Also where some of them are not there any more. */
export async function removeLabels({ kubectl, product }: Asking, keys: readonly string[]): Promise<void> {
  const words = keys.map((key) => `${key}-`);
  if (words.length > 0) await kubectl.label('namespace', product.namespace, words);
}
