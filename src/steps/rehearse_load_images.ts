import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import type { RehearsalContext } from '../release/context.ts';
import {
  imageLoadInputs,
  type ImageLoadPlan,
  imageLoadResult,
  loadMissingImages,
  planImageLoad,
  previewImageLoad,
  verifyImages,
} from '../release/image-load.ts';

// Under a name of its own: what the last upgrade has let go stays known.
const out = z.object({ rehearsalImages: imageLoadResult });

/** Loads what the upgrade would load, which then finds it there, and lets no older release go. */
export const rehearseLoadImages: Step<RehearsalContext, z.infer<typeof out>, ImageLoadPlan> = {
  id: 'rehearse_load_images',
  out,
  title: 'Load the images',
  needs: [],
  revision: 1,
  inputs: imageLoadInputs,
  plan: planImageLoad,
  preview: previewImageLoad,
  run: async (ctx, io, plan) => ({
    rehearsalImages: await loadMissingImages(ctx, io, plan, { keepsAll: true }),
  }),
  verify: (ctx, { rehearsalImages }) => verifyImages(ctx, rehearsalImages),
};
