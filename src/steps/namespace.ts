import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { IvaapError } from '../errors.ts';
import type { InstallContext } from '../release/context.ts';
import { namespaceManifest } from '../release/manifests.ts';
import { license } from './license.ts';

const out = z.object({ namespace: z.string() });

export const namespace: Step<InstallContext, z.infer<typeof out>> = {
  id: 'namespace',
  out,
  title: 'Create the namespace',
  needs: [license.id],
  revision: 1,
  destructive: true,
  inputs: ({ product }) => ({ namespace: product.namespace }),
  plan: async ({ product }) => ({ action: 'run', summary: `create the namespace ${product.namespace}` }),
  async run({ kubectl, product }) {
    await kubectl.apply([namespaceManifest(product)]);
    return { namespace: product.namespace };
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
  async undo({ kubectl, product }) {
    await kubectl.delete('namespace', product.namespace);
  },
};
