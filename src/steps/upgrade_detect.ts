import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { UpgradeContext } from './context.ts';

/** Records what is upgraded to what: versions, and the release's revision that goes. */
export const upgradeDetect: Step<UpgradeContext> = {
  id: 'upgrade_detect',
  title: 'Record the versions',
  needs: ['upgrade_preflight'],
  midpoint: 'release-read',
  revision: 1,
  inputs: ({ from, to, payload }) => ({ from, to, payload: payload.digest }),
  plan: async ({ from, to }) => ({ action: 'run', summary: `record the upgrade from ${from} to ${to}` }),
  async run({ from, to, helm, product, payload }, io) {
    const release = await helm.current();
    if (release === undefined) {
      throw new IvaapError('failed', `the Helm release ${product.release} is gone`, {
        hint: `k3s kubectl get secrets -n ${product.namespace} -l owner=helm`,
      });
    }
    await io.midpoint();
    io.log(`from ${from} (Helm revision ${release.revision}) to ${to}`);
    return { upgrade: { from, to, payload: payload.digest, helmRevision: release.revision } };
  },
};
