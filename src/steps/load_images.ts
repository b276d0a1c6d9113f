import type { Step } from '../engine/step.ts';
import type { InstallContext } from '../release/context.ts';
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
import { chart } from './chart.ts';

/** Loads the release's images from the payload. */
export const loadImagesStep: Step<InstallContext, ImageLoadResult, ImageLoadPlan> = {
  id: 'load_images',
  out: imageLoadResult,
  title: 'Load the images',
  needs: [chart.id],
  revision: 1,
  inputs: imageLoadInputs,
  plan: planImageLoad,
  preview: previewImageLoad,
  run: loadMissingImages,
  verify: verifyImages,

  undo: {
    destructive: false,
    plan: async () => ({
      removes: [],
      keeps: ['the images in containerd, which another product may use'],
      stops: [],
    }),
    run: async () => ({}),
    verify: async () => {},
  },
};
