import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { counted } from '../policy/counted.ts';
import {
  clusterWideOfRelease,
  foreignOf,
  goesWhole,
  type NamespaceContents,
  removedOf,
  volumeOwner,
  volumesOfClaims,
} from '../release/ours.ts';
import { assertSameVolume } from '../release/same-volume.ts';
import { removeLabels } from '../release/namespace-labels.ts';
import { settledContents } from '../release/settled-contents.ts';
import type { UninstallCluster, UninstallContext } from '../release/uninstall-context.ts';
import { uninstallRelease } from './uninstall_release.ts';
import { sudo } from '../shell-word.ts';

const deleteTimeoutMs = 180_000;

const out = z.object({
  objects: z.object({ removed: z.array(z.string()), left: z.array(z.string()) }),
});

type Result = z.infer<typeof out>;

/**
 * Removes claim, secrets, volume and namespace. With anything of others in the namespace only what is ours
 * goes, and the namespace stays.
 */
export const uninstallObjects: Step<UninstallContext, Result> = {
  id: 'uninstall_objects',
  out,
  title: 'Remove namespace, claims and volumes',
  needs: [uninstallRelease.id],
  revision: 1,
  inputs: ({ product }) => ({ namespace: product.namespace }),

  async plan({ cluster, product }) {
    if (cluster === undefined) return { action: 'skip', summary: 'stays: the cluster is left out' };
    const { persistentVolume } = product.database.volume;
    return { action: 'run', summary: `delete what is ours in ${product.namespace}, and ${persistentVolume}` };
  },

  async preview({ found: { contents, volume, keepsNamespace }, product }) {
    if (!contents.known) throw new IvaapError('failed', contents.why);
    const shown = removedOf(contents.value);
    const foreign = foreignOf(contents.value);
    const name = volume.known ? volume.value?.name : undefined;
    return {
      details: [
        `${counted(shown.length, 'object')}: ${shown.map(({ resource }) => resource).join(', ') || 'none'}`,
        ...(name === undefined ? [] : [`persistentvolume/${name}`]),
        ...foreign.map(({ resource, why }) => `stays: ${resource} (${why})`),
        ...(goesWhole(contents.value, keepsNamespace) ? [`namespace/${product.namespace}`] : []),
      ],
      data: {
        objects: shown.map(({ resource }) => resource),
        foreign: foreign.map(({ resource }) => resource),
        volume: name ?? null,
      },
    };
  },

  async run(ctx, io) {
    const { cluster, product } = ctx;
    if (cluster === undefined) return { objects: { removed: [], left: [] } };
    const { kubectl } = cluster;
    const contents = await settledContents(kubectl, product, io.signal);
    if (!contents.known) {
      throw new IvaapError(
        'failed',
        `what is in the namespace ${product.namespace} is not known: ${contents.why}`,
        {
          hint: contents.hint ?? `${sudo.kubectl} get apiservices`,
        },
      );
    }
    const left = foreignOf(contents.value).map(({ resource }) => resource);
    await assertSameVolume(ctx, io.signal);
    const removed = await removeNamespaced(cluster, contents.value, ctx, io.signal);
    await io.checkpoint('namespace-removed');
    for (const one of await clusterWideOfRelease(kubectl, product, io.signal)) {
      await remove(cluster, one.resource, undefined, io.signal);
      removed.push(one.resource);
    }
    const volume = await volumeOwner(kubectl, product, io.signal);
    if (!volume.known)
      throw new IvaapError('failed', volume.why, volume.hint === undefined ? {} : { hint: volume.hint });
    if (volume.value !== null) {
      const resource = `persistentvolume/${volume.value.name}`;
      if (volume.value.ours) await remove(cluster, resource, undefined, io.signal);
      (volume.value.ours ? removed : left).push(resource);
    }
    const retained = await volumesOfClaims(kubectl, product, io.signal);
    left.push(...retained.map((name) => `persistentvolume/${name}`).filter((one) => !left.includes(one)));
    if (contents.value.ours !== null && !removed.includes(`namespace/${product.namespace}`))
      left.push(`namespace/${product.namespace}`);
    return { objects: { removed, left } };
  },
};

async function removeNamespaced(
  cluster: UninstallCluster,
  contents: NamespaceContents,
  { product, found: { keepsNamespace, namespaceLabels } }: UninstallContext,
  signal: AbortSignal,
): Promise<string[]> {
  const { namespace } = product;
  if (contents.ours === null) return [];
  const whole = `namespace/${namespace}`;
  if (goesWhole(contents, keepsNamespace)) {
    await remove(cluster, whole, undefined, signal);
    return [whole];
  }
  const removed: string[] = [];
  for (const { resource } of removedOf(contents)) {
    signal.throwIfAborted();
    await remove(cluster, resource, namespace, signal);
    removed.push(resource);
  }
  // The next install would take it for its own by them.
  if (keepsNamespace) await removeLabels({ kubectl: cluster.kubectl, product }, namespaceLabels);
  return removed;
}

async function remove(
  { kubectl }: UninstallCluster,
  resource: string,
  namespace: string | undefined,
  signal: AbortSignal,
): Promise<void> {
  const [kind = '', name = ''] = resource.split('/');
  const where = namespace === undefined ? {} : { namespace };
  try {
    await kubectl.delete(kind, name, { ...where, signal, timeoutMs: deleteTimeoutMs });
  } catch (error) {
    if (!(error instanceof IvaapError) || signal.aborted) throw error;
    const scope = namespace === undefined ? '' : ` -n ${namespace}`;
    throw error.with({
      code: 'failed',
      message: `${resource} is not gone: ${error.message}`,
      hint:
        error.hint ??
        `what keeps it: ${sudo.kubectl} get ${kind} ${name}${scope} ` +
          "-o jsonpath='{.status}{.metadata.finalizers}'",
    });
  }
}
