import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { loadImages } from '../images/load.ts';
import { planImages } from '../images/plan.ts';
import { normalizedReference } from '../images/reference.ts';
import { wantedArchives, wantedImages } from '../images/wanted.ts';
import { counted } from '../policy/counted.ts';
import type { RestoreContext } from '../release/context.ts';
import { assertRoomForImages } from '../release/image-load.ts';
import { openOldPackage } from '../release/old-package.ts';
import { podTemplates } from '../release/pod-templates.ts';
import { parseRendered } from '../release/rendered-chart.ts';
import { isSwapped } from '../release/restore-swap.ts';
import { sudo } from '../shell-word.ts';

const out = z.object({ restoreImages: z.array(z.string()) });

/** Every image of the release that comes back is on this host, before anything is stopped for it. */
export const restoreImages: Step<RestoreContext, z.infer<typeof out>> = {
  id: 'restore_images',
  out,
  title: 'Look for the images of the release',
  needs: [],
  revision: 1,
  inputs: ({ target: { chart, files } }) => ({ chart, files }),

  plan: async ({ target: { chart }, oldPackage }) => ({
    action: 'run',
    summary:
      `look for every image that the chart ${chart ?? ''} names` +
      (oldPackage === undefined ? '' : `, and load those that are missing from ${oldPackage}`),
  }),

  async run(ctx, io) {
    const images = await imagesOf(ctx);
    await loadFromPackage(ctx, io, images);
    const missing = await missingImages(ctx, images);
    if (missing.length === 0) {
      io.log(`${counted(images.length, 'image')} of ${ctx.to} are there`);
      return { restoreImages: images };
    }
    throw new IvaapError(
      'failed',
      `${counted(missing.length, 'image')} of ${ctx.to} are not on this host: ${missing.join(', ')}. ` +
        'Nothing was stopped',
      {
        hint: hintFor(ctx),
      },
    );
  },

  async verify(ctx, { restoreImages: images }) {
    if (await isSwapped(ctx)) return;
    const missing = await missingImages(ctx, images);
    if (missing.length > 0) throw new IvaapError('failed', `${missing.join(', ')} are not there any more`);
  },
};

function hintFor(ctx: RestoreContext): string {
  const { binary } = ctx.target.release;
  const file = typeof binary === 'string' ? ` (it was ${binary})` : '';
  const lines = [
    ctx.oldPackage !== undefined
      ? `load them: ${sudo.ctr} -n k8s.io images import ARCHIVE; then: ${ctx.again()}`
      : `name the package of ${ctx.to}${file}: ${ctx.again({ add: ['--package FILE'] })}`,
    ...(ctx.target.chartOnly ? [] : [`To bring only the data back: ${ctx.again({ add: ['--data-only'] })}`]),
  ];
  return lines.join('\n');
}

/**
 * Loads what is missing, and pins what is there: an earlier run may have been killed in between. It only
 * adds: images of other releases stay as they are.
 */
async function loadFromPackage(ctx: RestoreContext, io: StepIo, names: readonly string[]): Promise<void> {
  const { oldPackage, containerd, target, paths, product, from, to, program } = ctx;
  if (oldPackage === undefined) return;
  const payload = await openOldPackage(oldPackage, ctx, target);
  try {
    const [index, then] = await Promise.all([payload.index(), payload.product()]);
    const held = new Set(index.archives.map(({ name }) => name));
    const granted = Object.keys(then.entitlements).filter((one) =>
      wantedArchives(then, [one]).every((name) => held.has(name)),
    );
    const wanted = wantedImages(index, then, granted).filter(({ name }) => names.includes(name));
    // Archives of that release may still lie in the product's folder.
    const places = { from: 'auto', folder: paths.folder, command: program } as const;
    const plan = await planImages({ ...places, containerd, wanted, index, product, signal: io.signal });
    plan.warnings.forEach((line) => io.warn(line));
    await assertRoomForImages(ctx, plan);
    const { loaded, tagged } = await loadImages(plan, {
      containerd,
      payload,
      product: product.name,
      version: to,
      signal: io.signal,
      keepVersions: [from, target.before.version],
      onProgress: (done, total, note) => io.progress({ done, total, unit: 'bytes', note }),
      log: io.log,
      warn: io.warn,
    });
    const count = loaded.length + tagged.length;
    if (count > 0) io.log(`${counted(count, 'image')} of ${to} put back, by ${oldPackage}`);
  } finally {
    await payload.close();
  }
}

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
