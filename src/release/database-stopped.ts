import type { KubeObject, Kubectl, Manifest } from '../host/kubectl.ts';
import type { Pod } from '../host/pods.ts';
import { type Known, known } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import { matchesSelector } from '../policy/label-selector.ts';
import { podTemplates } from './pod-templates.ts';

const workloads = 'pods,statefulsets,deployments,replicasets,daemonsets';

/**
 * Whether nothing of the database runs, and nothing is left that would start it again: until then rows may
 * come which a dump does not have. A pod that does not answer just now is no proof.
 */
export function databaseStopped(
  kubectl: Kubectl,
  { namespace, database: { selector } }: Pick<Product, 'namespace' | 'database'>,
  signal: AbortSignal,
): Promise<Known<boolean>> {
  const isOfDatabase = (one: KubeObject): boolean => {
    if (one.metadata.deletionTimestamp !== undefined) return false;
    if (one.kind !== 'Pod') {
      const templates = podTemplates([one as KubeObject & Manifest]);
      return templates.some(({ labels }) => matchesSelector(labels, selector));
    }
    const hasEnded = ['Succeeded', 'Failed'].includes((one as Pod).status.phase);
    return !hasEnded && matchesSelector(one.metadata.labels, selector);
  };
  const asked = kubectl.list(workloads, { namespace, signal });
  return known(asked.then((found) => !found.some(isOfDatabase)));
}
