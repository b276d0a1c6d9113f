import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { causeChain } from '../errors.ts';
import { uninstallRelease as removeRelease } from '../release/helm-uninstall.ts';
import { markClaims } from '../release/mark-claims.ts';
import { assertSameVolume } from '../release/same-volume.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { uninstallKeep } from './uninstall_keep.ts';

const out = z.object({ removedRelease: z.boolean() });

/** Lets Helm remove its release. What Helm cannot remove is removed object by object in the next step. */
export const uninstallRelease: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_release',
  out,
  title: 'Uninstall the release',
  needs: [uninstallKeep.id],
  revision: 1,
  inputs: ({ product }) => ({ release: product.release, namespace: product.namespace }),

  async plan({ product, cluster }) {
    const { release, namespace } = product;
    if (cluster === undefined) return { action: 'skip', summary: 'stays: the cluster is left out' };
    return { action: 'run', summary: `helm uninstall ${release} in ${namespace}` };
  },

  async preview({ found: { release } }) {
    const text = release.known ? (release.value ?? 'none') : `not known: ${release.why}`;
    return { brief: `release: ${text}`, details: [`release: ${text}`], data: { release: text } };
  },

  async run(ctx, io) {
    const { cluster, product } = ctx;
    await assertSameVolume(ctx, io.signal);
    // From here on the product stops: an older dump is the last one, and only going forward ends it.
    await io.pointOfNoReturn({});
    if (cluster === undefined) return { removedRelease: false };
    await markClaims(cluster.kubectl, product, io.signal);
    try {
      await removeRelease({ ...ctx, helm: cluster.helm }, io);
      return { removedRelease: true };
    } catch (error) {
      io.signal.throwIfAborted();
      // Asked again, so that a cluster that went away fails this step and is not read as Helm's trouble.
      await cluster.kubectl.serverVersion({ signal: io.signal });
      io.warn(
        `Helm could not uninstall ${product.release} (${causeChain(error)[0] ?? ''}): its objects are ` +
          'removed one by one',
      );
      return { removedRelease: false };
    }
  },
};
