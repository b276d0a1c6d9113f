import { setTimeout as sleep } from 'node:timers/promises';
import type { Kubectl } from '../host/kubectl.ts';
import type { Known } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import { foreignOf, type NamespaceContents, namespaceContents } from './ours.ts';

const limitMs = 30_000;
const pauseMs = 1_000;

/**
 * All that is in the product's namespace, once Kubernetes has collected what a release leaves: Helm does not
 * wait for the ReplicaSets, pods and Endpoints that go with its objects, and nothing says whose they were.
 */
export async function settledContents(
  kubectl: Kubectl,
  product: Pick<Product, 'name' | 'command' | 'namespace' | 'release'>,
  signal: AbortSignal,
): Promise<Known<NamespaceContents>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const contents = await namespaceContents(kubectl, product, signal);
    const isSettled = !contents.known || !foreignOf(contents.value).some(({ orphaned }) => orphaned);
    if (isSettled || signal.aborted || performance.now() > end) return contents;
    await sleep(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}
