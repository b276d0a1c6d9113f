import * as z from 'zod';
import type { JsonObject, Step } from '../engine/step.ts';
import type { KubeObject } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import { IvaapError } from '../errors.ts';
import type { InstallContext } from '../release/context.ts';
import { namespaceManifest } from '../release/manifests.ts';
import { addLabels, missingLabels, removeLabels } from '../release/namespace-labels.ts';
import { hasOurLabels, ourLabels } from '../release/ours.ts';
import { namespaceStops, stopOf } from '../release/undo-stops.ts';
import { license } from './license.ts';
import { sudo } from '../shell-word.ts';

const out = z.object({
  namespace: z.string(),
  /** False: it was there before the install. Absent in older records. */
  madeNamespace: z.boolean().optional(),
  /** Keys of the labels that were added to one that was there before. */
  namespaceLabels: z.array(z.string()).optional(),
});

export const namespace: Step<InstallContext, z.infer<typeof out>> = {
  id: 'namespace',
  out,
  title: 'Create the namespace',
  needs: [license.id],
  revision: 1,
  inputs: ({ product }) => ({ namespace: product.namespace }),
  plan: async ({ product, keptData }) => ({
    action: 'run',
    summary:
      `create the namespace ${product.namespace}` +
      (keptData === undefined ? '' : `, for the data kept in ${keptData.folder}`),
  }),
  async run({ kubectl, product }, io) {
    const { namespace: name } = product;
    const found = await kubectl.get('namespace', name);
    if (found === undefined || hasOurLabels(found, product)) {
      await io.recordOriginal({ madeNamespace: true });
    } else {
      await io.recordOriginal({ madeNamespace: false, namespaceLabels: missingLabels(product, found) });
    }
    if (found === undefined) await kubectl.apply([namespaceManifest(product)]);
    if (io.originals.madeNamespace !== false) return { namespace: name, madeNamespace: true };
    const namespaceLabels = addedLabels(product, io);
    if (found !== undefined) await addLabels({ kubectl, product }, namespaceLabels);
    return { namespace: name, madeNamespace: false, namespaceLabels };
  },
  async verify({ kubectl, product }) {
    const found = await kubectl.get<KubeObject & { status?: { phase?: string } }>(
      'namespace',
      product.namespace,
    );
    if (found?.status?.phase === 'Active') return;
    throw new IvaapError(
      'failed',
      `the namespace ${product.namespace} is ${found?.status?.phase ?? 'missing'}`,
    );
  },
  undo: {
    destructive: true,
    forgets: { originals: ['madeNamespace', 'namespaceLabels'] },

    async plan(ctx) {
      const { namespace: name } = ctx.product;
      const { there, stop } = await stopOf(ctx, 'namespace', name);
      if (!there) return { removes: [], keeps: [], stops: [] };
      if (!isMade(ctx))
        return { removes: [], keeps: [`the namespace ${name}, which existed before the install`], stops: [] };
      const { signal } = new AbortController();
      const stops = stop === undefined ? await namespaceStops(ctx, signal) : [stop];
      // Those of StatefulSets: nothing else names their data, and no dump has them.
      const claims = (await ctx.kubectl.list('persistentvolumeclaims', { namespace: name, signal }))
        .filter(({ metadata }) => metadata.name !== ctx.product.database.volume.claim)
        .map(({ metadata }) => `the claim ${metadata.name} with its data`);
      return { removes: [`the namespace ${name}`, ...claims], keeps: [], stops };
    },

    async run(ctx, io) {
      const { kubectl, product, install } = ctx;
      const { namespace: name } = product;
      if (isMade(ctx)) {
        await kubectl.delete('namespace', name);
        return {};
      }
      // Our labels would make it ours to the next install.
      if ((await kubectl.get('namespace', name)) !== undefined)
        await removeLabels({ kubectl, product }, addedLabels(product, install()));
      io.log(keptText(name));
      return { keptNamespace: name };
    },

    async verify({ kubectl, product }, { keptNamespace }) {
      if (keptNamespace !== undefined) return;
      if ((await kubectl.get('namespace', product.namespace)) === undefined) return;
      throw new IvaapError('failed', `the namespace ${product.namespace} still exists`, {
        hint: `${sudo.kubectl} get namespace ${product.namespace} -o yaml`,
      });
    },
  },
};

/** Older programs have not recorded whether it was there before: then its labels decide. */
const isMade = ({ install }: Pick<InstallContext, 'install'>): boolean =>
  install()?.originals?.madeNamespace !== false;

/** Recorded before they were added. Programs that did not record them added both. */
const addedLabels = (product: Product, of: { originals?: JsonObject | undefined } | undefined): string[] =>
  z.array(z.string()).safeParse(of?.originals?.namespaceLabels).data ?? Object.keys(ourLabels(product));

const keptText = (name: string) => `the namespace ${name} existed before the install and stays`;
