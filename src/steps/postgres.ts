import { chown } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder } from '../host/atomic-file.ts';
import type { KubeObject } from '../host/kubectl.ts';
import { assertSafePath } from '../host/safe-path.ts';
import type { InstallContext } from '../release/context.ts';
import { volumeManifests } from '../release/manifests.ts';
import { secrets } from './secrets.ts';

const bindTimeoutMs = 60_000;

type Claim = KubeObject & { spec?: { volumeName?: string }; status?: { phase?: string } };

const out = z.object({
  volume: z.object({
    claim: z.string(),
    persistentVolume: z.string(),
    storagePath: z.string(),
    claimUid: z.string().nullable(),
  }),
});

/**
 * The database's folder, volume and claim: the chart only mounts them, so no Helm operation can delete data.
 */
export const postgres: Step<InstallContext, z.infer<typeof out>> = {
  id: 'postgres',
  out,
  title: 'Create the database volume',
  needs: [secrets.id],
  revision: 1,
  destructive: true,
  inputs: ({ product, storagePath }) => ({ volume: { ...product.database.volume }, storagePath }),
  plan: async ({ product, storagePath }) => ({
    action: 'run',
    summary: `create ${storagePath} and the claim ${product.database.volume.claim} for it`,
  }),

  async run({ product, kubectl, storagePath }, io) {
    const { uid, gid, claim, persistentVolume } = product.database.volume;
    await assertSafePath(storagePath.replace(/\/[^/]+$/, '') || '/', { mayBeMissing: true });
    await makeFolder(storagePath, 0o700);
    await chown(storagePath, uid, gid);
    await io.checkpoint('folder-made');
    await kubectl.apply(volumeManifests(product, storagePath));
    const bound = await boundClaim({ kubectl, product }, io.signal);
    return {
      volume: { claim, persistentVolume, storagePath, claimUid: bound.metadata.uid ?? null },
    };
  },

  async verify({ kubectl, product }) {
    const found = await readClaim({ kubectl, product });
    if (isBound(product, found)) return;
    throw new IvaapError(
      'failed',
      `the claim ${product.database.volume.claim} is ${found?.status?.phase ?? 'missing'}`,
    );
  },

  /** The folder with the data stays: only the operator may delete it. */
  async undo({ kubectl, product }) {
    const { claim, persistentVolume } = product.database.volume;
    await kubectl.delete('persistentvolumeclaim', claim, { namespace: product.namespace });
    await kubectl.delete('persistentvolume', persistentVolume);
  },
};

type Bound = Pick<InstallContext, 'kubectl' | 'product'>;

const readClaim = ({ kubectl, product }: Bound) =>
  kubectl.get<Claim>('persistentvolumeclaim', product.database.volume.claim, {
    namespace: product.namespace,
  });

const isBound = ({ database }: InstallContext['product'], claim: Claim | undefined): boolean =>
  claim?.status?.phase === 'Bound' && claim.spec?.volumeName === database.volume.persistentVolume;

async function boundClaim(ctx: Bound, signal: AbortSignal): Promise<Claim> {
  const end = performance.now() + bindTimeoutMs;
  for (;;) {
    const claim = await readClaim(ctx);
    if (claim !== undefined && isBound(ctx.product, claim)) return claim;
    if (performance.now() > end) {
      const { claim: name } = ctx.product.database.volume;
      throw new IvaapError(
        'failed',
        `the claim ${name} was not bound to its volume within ${bindTimeoutMs / 1000} s`,
        { hint: `k3s kubectl describe pvc ${name} -n ${ctx.product.namespace}` },
      );
    }
    await sleep(500, undefined, { signal });
  }
}
