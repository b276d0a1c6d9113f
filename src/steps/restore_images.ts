import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { normalizedReference } from '../images/reference.ts';
import { counted } from '../policy/counted.ts';
import type { RestoreContext } from '../release/context.ts';
import { podTemplates } from '../release/pod-templates.ts';
import { parseRendered } from '../release/rendered-chart.ts';
import { isSwapped } from '../release/restore-swap.ts';

const out = z.object({ restoreImages: z.array(z.string()) });

/** Every image of the release that comes back is on this host, before anything is stopped for it. */
export const restoreImages: Step<RestoreContext, z.infer<typeof out>> = {
  id: 'restore_images',
  out,
  title: 'Look for the images of the release',
  needs: [],
  revision: 1,
  inputs: ({ target: { chart, files } }) => ({ chart, files }),

  plan: async ({ target: { chart } }) => ({
    action: 'run',
    summary: `look for every image that the chart ${chart ?? ''} names`,
  }),

  async run(ctx, io) {
    const images = await imagesOf(ctx);
    const missing = await missingImages(ctx, images);
    if (missing.length === 0) {
      io.log(`${counted(images.length, 'image')} of ${ctx.to} are there`);
      return { restoreImages: images };
    }
    const { binary } = ctx.target.release;
    throw new IvaapError(
      'failed',
      `${counted(missing.length, 'image')} of ${ctx.to} are not on this host: ${missing.join(', ')}. ` +
        'Nothing was stopped',
      {
        hint:
          `load them from an archive: sudo k3s ctr -n k8s.io images import FILE` +
          `${typeof binary === 'string' ? ` (${binary} extract-file writes it)` : ''}; ` +
          `then: ${ctx.again()}\n` +
          `To bring only the data back: ${ctx.again({ add: ['--data-only'] })}`,
      },
    );
  },

  async verify(ctx, { restoreImages: images }) {
    if (await isSwapped(ctx)) return;
    const missing = await missingImages(ctx, images);
    if (missing.length > 0) throw new IvaapError('failed', `${missing.join(', ')} are not there any more`);
  },
};

/** As the runtime names them: what the kept chart starts with the kept values. */
async function imagesOf({ helm, paths, target }: RestoreContext): Promise<string[]> {
  const { chart, files } = target;
  if (chart === null || files === null) throw new IvaapError('bug', 'no chart was kept');
  const valuesFiles = [paths.values, paths.overlay]
    .map((path) => join(files, basename(path)))
    .filter((path) => existsSync(path));
  const { objects, hooks } = parseRendered(await helm.template({ chart, valuesFiles, asked: true }));
  const named = podTemplates([...objects, ...hooks]).flatMap(({ containers }) =>
    containers.map(({ image }) => normalizedReference(image)),
  );
  return [...new Set(named)].sort();
}

async function missingImages({ containerd }: RestoreContext, names: readonly string[]): Promise<string[]> {
  const whole = new Set(
    (await containerd.check()).filter((row) => row.complete && row.unpacked).map(({ name }) => name),
  );
  return names.filter((name) => !whole.has(name));
}
