import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { unpinName } from '../images/pins.ts';
import { counted } from '../policy/counted.ts';
import { ourImages } from '../release/our-images.ts';
import type { UninstallContext } from '../release/uninstall-context.ts';
import { uninstallData } from './uninstall_data.ts';
import { sudo } from '../shell-word.ts';

const out = z.object({ removedImages: z.array(z.string()), unpinnedImages: z.array(z.string()) });

/** Removes the images that only this product pinned; of those that others use too, only our pin. */
export const uninstallImages: Step<UninstallContext, z.infer<typeof out>> = {
  id: 'uninstall_images',
  out,
  title: 'Remove the images',
  needs: [uninstallData.id],
  revision: 1,
  inputs: ({ product }) => ({ product: product.name }),

  async plan({ cluster }) {
    return cluster === undefined
      ? { action: 'skip', summary: 'stays: the cluster is left out' }
      : { action: 'run', summary: 'remove the images that only this product pinned' };
  },

  async preview({ found: { images } }) {
    if (!images.known) throw new IvaapError('failed', images.why);
    const { ours, shared } = images.value;
    return {
      details: [
        `${counted(ours.length, 'image')}${ours.length === 0 ? '' : `: ${ours.join(', ')}`}`,
        ...shared.map(({ name, why }) => `stays, without our pin: ${name} (${why})`),
      ],
      data: { images: ours, shared: shared.map(({ name }) => name) },
    };
  },

  async run({ cluster, product }, io) {
    if (cluster === undefined) return { removedImages: [], unpinnedImages: [] };
    const { containerd } = cluster;
    const found = await ourImages(cluster, product, io.signal);
    if (!found.known) {
      throw new IvaapError('failed', `which images are ours is not known: ${found.why}`, {
        hint: found.hint ?? `${sudo.ctr} images list`,
      });
    }
    const { ours, shared, byId } = found.value;
    for (const { name, isPinnedByOthers } of shared) {
      await unpinName(containerd, name, product.name, isPinnedByOthers);
    }
    await io.checkpoint('pins-removed');
    // By ID first: they are found by the names that lead to the same image.
    await containerd.remove(byId);
    await containerd.remove(ours);
    return { removedImages: ours, unpinnedImages: shared.map(({ name }) => name) };
  },
};
