import { IvaapError } from '../errors.ts';
import type { Kubectl } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import { namespaceContents, ourLabels } from './ours.ts';
import { sudo } from '../shell-word.ts';

/**
 * Gives our labels to the claims that Kubernetes made for the release's StatefulSets. Before Helm takes those
 * away: a claim outlives its StatefulSet, and nothing says then whose it is. Throws `failed` where that
 * cannot be done.
 */
export async function markClaims(
  kubectl: Kubectl,
  product: Pick<Product, 'name' | 'command' | 'namespace' | 'release'>,
  signal: AbortSignal,
): Promise<void> {
  const { namespace } = product;
  const contents = await namespaceContents(kubectl, product, signal);
  if (!contents.known) {
    throw new IvaapError('failed', `what is in the namespace ${namespace} is not known: ${contents.why}`, {
      hint: contents.hint ?? `${sudo.kubectl} get apiservices`,
    });
  }
  const labels = Object.entries(ourLabels(product)).map((pair) => pair.join('='));
  for (const { kind, name, maker } of contents.value.objects) {
    if (kind !== 'PersistentVolumeClaim' || maker !== 'cluster') continue;
    // A chart's own labels may be among them.
    const words = ['--overwrite', ...labels];
    await kubectl.label('persistentvolumeclaim', name, words, { namespace, signal, timeoutMs: 30_000 });
  }
}
