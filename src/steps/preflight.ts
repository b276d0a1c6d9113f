import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import type { InstallContext } from '../release/context.ts';
import { planRecord, preflightResult, recordPreflight } from '../release/preflight-record.ts';

const out = preflightResult.extend({
  /** Without a folder on a volume of a StorageClass: no folder of this host is the product's then. */
  answers: z.object({ fqdn: z.string(), storagePath: z.string().optional() }),
});

/** Records what preflight measured, and the answers of the operator. */
export const preflight: Step<InstallContext, z.infer<typeof out>> = {
  id: 'preflight',
  out,
  title: 'Record the preflight',
  needs: [],
  revision: 1,
  inputs: ({ payload, fqdn, storagePath, storageClass }) => ({
    payload: payload.digest,
    fqdn,
    ...(storageClass === undefined ? { storagePath } : { storageClass }),
  }),
  plan: planRecord,
  async run(ctx, io) {
    const { fqdn, storagePath, storageClass } = ctx;
    const storage = storageClass === undefined ? { storagePath } : {};
    return { ...(await recordPreflight(ctx, io)), answers: { fqdn, ...storage } };
  },
};
