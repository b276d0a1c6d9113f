import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import type { InstallContext } from '../release/context.ts';
import { planRecord, preflightResult, recordPreflight } from '../release/preflight-record.ts';

const out = preflightResult.extend({
  answers: z.object({ fqdn: z.string(), storagePath: z.string() }),
});

/** Records what preflight measured, and the answers of the operator. */
export const preflight: Step<InstallContext, z.infer<typeof out>> = {
  id: 'preflight',
  out,
  title: 'Record the preflight',
  needs: [],
  revision: 1,
  inputs: ({ payload, fqdn, storagePath }) => ({ payload: payload.digest, fqdn, storagePath }),
  plan: planRecord,
  async run(ctx, io) {
    const { fqdn, storagePath } = ctx;
    return { ...(await recordPreflight(ctx, io)), answers: { fqdn, storagePath } };
  },
};
