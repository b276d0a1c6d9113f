import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { IvaapError } from '../errors.ts';
import type { InstallContext } from '../release/context.ts';
import { namespaceManifest } from '../release/manifests.ts';
import { hasOurLabels } from '../release/ours.ts';
import { namespaceStops, stopOf } from '../release/undo-stops.ts';
import { license } from './license.ts';

const out = z.object({
  namespace: z.string(),
  /** False: it was there before the install. Absent in older records. */
  madeNamespace: z.boolean().optional(),
});

export const namespace: Step<InstallContext, z.infer<typeof out>> = {
  id: 'namespace',
  out,
  title: 'Create the namespace',
  needs: [license.id],
  revision: 1,
  inputs: ({ product }) => ({ namespace: product.namespace }),
  plan: async ({ product }) => ({ action: 'run', summary: `create the namespace ${product.namespace}` }),
  async run({ kubectl, product }, io) {
    const found = await kubectl.get('namespace', product.namespace);
    await io.recordOriginal({ madeNamespace: found === undefined || hasOurLabels(found, product) });
    await kubectl.apply([namespaceManifest(product)]);
    return { namespace: product.namespace, madeNamespace: io.originals.madeNamespace !== false };
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
    forgets: { originals: ['madeNamespace'] },

    async plan(ctx) {
      const { namespace: name } = ctx.product;
      const { there, stop } = await stopOf(ctx, 'namespace', name);
      if (!there) return { removes: [], keeps: [], stops: [] };
      if (!isMade(ctx)) return { removes: [], keeps: [keptText(name)], stops: [] };
      const { signal } = new AbortController();
      const stops = stop === undefined ? await namespaceStops(ctx, signal) : [stop];
      return { removes: [`the namespace ${name}`], keeps: [], stops };
    },

    async run(ctx, io) {
      const { kubectl, product } = ctx;
      if (isMade(ctx)) await kubectl.delete('namespace', product.namespace);
      else io.log(keptText(product.namespace));
      return isMade(ctx) ? {} : { keptNamespace: product.namespace };
    },

    async verify({ kubectl, product }, { keptNamespace }) {
      if (keptNamespace !== undefined) return;
      if ((await kubectl.get('namespace', product.namespace)) === undefined) return;
      throw new IvaapError('failed', `the namespace ${product.namespace} still exists`, {
        hint: `k3s kubectl get namespace ${product.namespace} -o yaml`,
      });
    },
  },
};

/** Older programs have not recorded whether it was there before: then its labels decide. */
const isMade = ({ install }: Pick<InstallContext, 'install'>): boolean =>
  install()?.originals?.madeNamespace !== false;

const keptText = (name: string) => `the namespace ${name} existed before the install and stays`;
