import type { Step } from '../engine/step.ts';
import type { UpgradeContext } from '../release/context.ts';
import {
  imageLoadInputs,
  type ImageLoadPlan,
  type ImageLoadResult,
  imageLoadResult,
  loadMissingImages,
  planImageLoad,
  previewImageLoad,
  verifyImages,
} from '../release/image-load.ts';
import { upgradeDetect } from './upgrade_detect.ts';

/** Loads the image layers that this host lacks; it only adds, so it may run while the database is dumped. */
export const upgradeLoadImages: Step<UpgradeContext, ImageLoadResult, ImageLoadPlan> = {
  id: 'upgrade_load_images',
  out: imageLoadResult,
  title: 'Load the images',
  needs: [upgradeDetect.id],
  revision: 1,
  inputs: (ctx) => ({ ...imageLoadInputs(ctx), refresh: ctx.refreshArchives }),

  plan: planImageLoad,
  preview: previewImageLoad,
  run: loadMissingImages,
  verify: verifyImages,
};
