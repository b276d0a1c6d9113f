import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { UpgradeContext } from '../release/context.ts';

/** Records what is upgraded to what: versions, and the release's revision that goes. */
export const upgradeDetect: Step<UpgradeContext> = {
  id: 'upgrade_detect',
  title: 'Record the versions',
  needs: ['upgrade_preflight'],
  midpoint: 'release-read',
  revision: 1,
  inputs: ({ from, to, payload }) => ({ from, to, payload: payload.digest }),
  plan: async ({ from, to }) => ({ action: 'run', summary: `record the upgrade from ${from} to ${to}` }),
  async run({ from, to, helm, helmJournal, product, payload, program }, io) {
    const release = await helm.current();
    // Its only record was taken away knowingly: Helm installs over what is there.
    if (release === undefined && helmJournal().emptied !== true) {
      throw new IvaapError('failed', `the Helm release ${product.release} is gone`, {
        hint: `${program} repair-state`,
      });
    }
    await io.midpoint();
    const revision = release?.revision ?? 0;
    io.log(`from ${from} (Helm revision ${revision === 0 ? 'none' : revision}) to ${to}`);
    return { upgrade: { from, to, payload: payload.digest, helmRevision: revision } };
  },
};
