import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import type { InstallContext } from '../release/context.ts';
import { sha256Of } from '../release/values-overlay.ts';
import { preflight } from './preflight.ts';

const out = z.object({ entitlements: z.array(z.string()), licenseExpires: z.string().nullable() });

/** Records what the licence grants; its text goes into a Secret with the other secrets and nowhere else. */
export const license: Step<InstallContext, z.infer<typeof out>> = {
  id: 'license',
  out,
  title: 'Read the licence',
  needs: [preflight.id],
  revision: 1,
  inputs: (ctx) => ({ license: ctx.license === undefined ? null : sha256Of(ctx.license.text) }),
  plan: async (ctx) =>
    ctx.license === undefined
      ? { action: 'skip', summary: 'this product needs no licence' }
      : { action: 'run', summary: `entitlements: ${ctx.license.entitlements.join(', ') || 'none'}` },
  async run(ctx, io) {
    const { entitlements, expires } = ctx.license ?? { entitlements: [], expires: undefined };
    for (const entitlement of entitlements) {
      if (ctx.product.entitlements[entitlement] === undefined) {
        io.log(`${entitlement}: not part of this installer`);
      }
    }
    return { entitlements, licenseExpires: expires ?? null };
  },
};
