import type { JsonObject, Step } from '../engine/step.ts';
import type { UpgradeContext } from '../release/context.ts';
import {
  type ImageLoadPlan,
  loadMissingImages,
  planImageLoad,
  previewImageLoad,
  verifyImages,
} from '../release/image-load.ts';

/** Loads the image layers that this host lacks; it only adds, so it may run while the database is dumped. */
export const upgradeLoadImages: Step<UpgradeContext, JsonObject, ImageLoadPlan> = {
  id: 'upgrade_load_images',
  title: 'Load the images',
  needs: ['upgrade_detect'],
  midpoint: 'half-loaded',
  revision: 1,
  inputs: ({ payload, imagesFrom, entitlements, refreshArchives: refresh }) => ({
    payload: payload.digest,
    imagesFrom,
    refresh,
    entitlements: [...entitlements].sort(),
  }),

  plan: planImageLoad,
  preview: previewImageLoad,
  run: loadMissingImages,
  verify: verifyImages,
};
