import * as z from 'zod';
import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { computeOverlay } from '../policy/values-patches.ts';
import type { UpgradeContext } from '../release/context.ts';
import { overlaySchema, writeOverlay } from '../release/values-overlay.ts';
import { upgradeChartSwap } from './upgrade_chart_swap.ts';
import { upgradeLoadImages } from './upgrade_load_images.ts';
import { snapshotOf } from './upgrade_snapshot.ts';

const out = z.object({ overlay: overlaySchema });

/**
 * Values that the release needs and the operator's file lacks are written to an overlay; the file itself is
 * never edited.
 */
export const upgradeMigrate: Step<UpgradeContext, z.infer<typeof out>> = {
  id: 'upgrade_migrate',
  out,
  title: 'Adapt the values',
  needs: [upgradeChartSwap.id, upgradeLoadImages.id],
  revision: 1,
  inputs: ({ values, release, payload }) => ({
    values: values.sha256,
    patches: release.valuesPatches,
    payload: payload.digest,
  }),

  async plan({ values, release, paths, to }) {
    const patches = computeOverlay(values.root, release.valuesPatches).applied;
    if (patches.length > 0) {
      return {
        action: 'run',
        summary: `write ${paths.overlay}: ${patches.map(({ id }) => id).join(', ')}`,
      };
    }
    if (existsSync(paths.overlay)) {
      return {
        action: 'run',
        summary: `remove ${paths.overlay}: no values patch of ${to} applies to your file`,
      };
    }
    return { action: 'skip', summary: `no values patch of ${to} applies to ${paths.values}` };
  },

  async preview({ values, release, paths }) {
    const applied = computeOverlay(values.root, release.valuesPatches).applied.map(({ id }) => id);
    const patches = release.valuesPatches
      .filter(({ id }) => applied.includes(id))
      .map(({ id, why, set }) => ({
        id,
        why,
        sets: set.map(({ path, value }) => ({ path: path.join('.'), value })),
      }));
    return {
      ...(patches.length === 0 ? {} : { brief: `values patches: ${patches.map(({ id }) => id).join(', ')}` }),
      details: patches.flatMap(({ id, why, sets }) => [
        `${id}: ${why}`,
        ...sets.map(({ path, value }) => `  ${path} = ${JSON.stringify(value)}`),
      ]),
      data: { overlay: patches.length === 0 ? null : paths.overlay, patches },
    };
  },

  async run(ctx, io) {
    const { folder } = snapshotOf(io);
    const first = io.originals.snapshotFolder;
    const copies = [folder, ...(typeof first === 'string' ? [first] : [])];
    const written = await writeOverlay(ctx, io, ctx.values, {
      step: 'upgrade_migrate',
      copies: copies.map((kept) => join(kept, basename(ctx.paths.overlay))),
      known: folder,
    });
    const { patches } = written;
    if (patches.length > 0) io.warn(`values patches in ${ctx.paths.overlay}: ${patches.join(', ')}`);
    return { overlay: written };
  },

  async verify({ paths }, { overlay }) {
    if ((overlay.path !== null) !== existsSync(paths.overlay))
      throw new IvaapError('failed', `${paths.overlay} has changed`);
  },
};
