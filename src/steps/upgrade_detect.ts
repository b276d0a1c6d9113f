import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { UpgradeContext } from '../release/context.ts';
import { upgradePreflight } from './upgrade_preflight.ts';

const out = z.object({
  upgrade: z.object({
    from: z.string(),
    to: z.string(),
    payload: z.string(),
    /** The release's revision that is replaced; 0 where Helm has no record of it. */
    helmRevision: z.int(),
  }),
});

/** Records what is upgraded to what: the versions, and the release's revision that is replaced. */
export const upgradeDetect: Step<UpgradeContext, z.infer<typeof out>> = {
  id: 'upgrade_detect',
  out,
  title: 'Record the versions',
  needs: [upgradePreflight.id],
  revision: 1,
  inputs: ({ from, to, payload }) => ({ from, to, payload: payload.digest }),
  plan: async ({ from, to }) => ({ action: 'run', summary: `record the upgrade from ${from} to ${to}` }),
  async run({ from, to, helm, helmJournal, product, payload, program }, io) {
    const release = await helm.current();
    // Its only record was deleted on purpose: Helm installs over what exists.
    if (release === undefined && helmJournal().emptied !== true) {
      throw new IvaapError('failed', `the Helm release ${product.release} is gone`, {
        hint: `${program} repair-state`,
      });
    }
    const revision = release?.revision ?? 0;
    io.log(`from ${from} (Helm revision ${revision === 0 ? 'none' : revision}) to ${to}`);
    return { upgrade: { from, to, payload: payload.digest, helmRevision: revision } };
  },
};
