import type { Step } from '../engine/step.ts';
import type { InstallContext } from '../release/context.ts';
import { planRecord, recordPreflight } from '../release/preflight-record.ts';

/** Records what the host was measured to have, and the answers of the operator. */
export const preflight: Step<InstallContext> = {
  id: 'preflight',
  title: 'Record the preflight',
  needs: [],
  midpoint: 'host-described',
  revision: 1,
  inputs: ({ payload, fqdn, storagePath }) => ({ payload: payload.digest, fqdn, storagePath }),
  plan: planRecord,
  async run(ctx, io) {
    const { fqdn, storagePath } = ctx;
    return { ...(await recordPreflight(ctx, io)), answers: { fqdn, storagePath } };
  },
};
