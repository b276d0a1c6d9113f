import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { UpgradeContext } from './context.ts';
import { imagePlan, loadMissingImages, refreshArchives } from './image_load.ts';

/** Loads the image layers that this host lacks; it only adds, so it may run while the database is dumped. */
export const upgradeLoadImages: Step<UpgradeContext> = {
  id: 'upgrade_load_images',
  title: 'Load the images',
  needs: ['upgrade_detect'],
  revision: 1,
  inputs: ({ payload, imagesFrom, entitlements, refreshArchives: refresh }) => ({
    payload: payload.digest,
    imagesFrom,
    refresh,
    entitlements: [...entitlements].sort(),
  }),

  async plan(ctx) {
    const plan = await imagePlan(ctx);
    const missing = plan.images.filter(({ action }) => action !== 'none');
    return {
      action: 'run',
      summary: `${missing.length} of ${plan.images.length} images, ${plan.missingBytes} bytes to load`,
      details: plan.images.map(({ name, action, source }) => {
        const from = action === 'load' ? ` from ${source?.path ?? 'the payload'}` : '';
        return `${name}: ${action}${from}`;
      }),
      data: { missingBytes: plan.missingBytes, unpackedBytes: plan.unpackedBytes },
    };
  },

  async run(ctx, io) {
    const written = ctx.refreshArchives ? await refreshArchives(ctx, io) : [];
    const out = await loadMissingImages(ctx, io);
    return { ...out, refreshedArchives: written };
  },

  async verify(ctx, out) {
    const there = new Set((await ctx.containerd.runtimeImages()).map(({ id }) => id));
    for (const { name, configDigest } of out.images as { name: string; configDigest: string }[]) {
      if (!there.has(configDigest)) {
        throw new IvaapError('failed', `the image ${name} is not in containerd's store`);
      }
    }
  },
};
