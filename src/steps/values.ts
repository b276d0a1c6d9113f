import * as z from 'zod';
import { readRegularText } from '../host/regular-file.ts';
import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, writeFileAtomic } from '../host/atomic-file.ts';
import { removeTree } from '../host/remove-tree.ts';
import { keepEdited } from '../backup/backup-folder.ts';
import { lastResult } from '../backup/step-results.ts';
import type { InstallContext } from '../release/context.ts';
import { parseValues } from '../release/values-file.ts';
import { overlaySchema, sha256Of, writeOverlay } from '../release/values-overlay.ts';
import { firstValuesText } from '../release/values-template.ts';
import { postgres } from './postgres.ts';

const out = z.object({
  values: z.object({ path: z.string(), sha256: z.string() }),
  overlay: overlaySchema,
});

/** Writes the values file once; afterwards it belongs to the operator. */
export const values: Step<InstallContext, z.infer<typeof out>> = {
  id: 'values',
  out,
  title: 'Write the values file',
  needs: [postgres.id],
  revision: 1,
  inputs: ({ fqdn, storagePath, storageClass, valuesFrom, entitlements, paths }) => ({
    fqdn,
    ...(storageClass === undefined ? { storagePath } : { storageClass }),
    entitlements: [...entitlements],
    // A file that an earlier attempt wrote is not another source: `reuse` checks whether it was edited.
    from: valuesFrom === undefined || valuesFrom.path === paths.values ? null : sha256Of(valuesFrom.text),
  }),
  plan: async ({ paths, valuesFrom, product }) => ({
    action: 'run',
    summary: `write ${paths.values} from ${valuesFrom?.path ?? `the payload's ${product.values.template}`}`,
  }),

  async run(ctx, io) {
    const { paths } = ctx;
    const text = await firstValuesText(ctx);
    await makeFolder(paths.folder);
    await keepOther(ctx, io, text);
    await writeFileAtomic(paths.values, text, { mode: 0o600 });
    await io.checkpoint('values-written');
    const overlay = await writeOverlay(ctx, io, parseValues(paths.values, text), { step: 'values' });
    const { patches } = overlay;
    if (patches.length > 0) io.log(`values patches in ${paths.overlay}: ${patches.join(', ')}`);
    return {
      values: { path: paths.values, sha256: sha256Of(text) },
      overlay,
    };
  },

  async verify({ paths }) {
    await stat(paths.values);
  },

  async reuse({ paths }, out) {
    if (sha256Of(await readRegularText(paths.values)) === out.values.sha256) return;
    throw new IvaapError('failed', `${paths.values} was edited`);
  },

  undo: {
    destructive: false,

    async plan(ctx, done) {
      const { ours, edited } = await writtenFiles(ctx, done);
      const keeps = edited.map((path) => `${path} is not as this install wrote it, and stays`);
      return { removes: ours, keeps, stops: [] };
    },

    async run(ctx, io, done) {
      const { ours, edited } = await writtenFiles(ctx, done);
      for (const path of ours) await removeTree(path);
      for (const path of edited) io.say(`${path} was edited and is kept: the next install starts from it`);
      return edited.length === 0 ? {} : { keptFiles: edited };
    },

    async verify({ paths }, { keptFiles }) {
      const kept = Array.isArray(keptFiles) ? keptFiles : [];
      for (const path of [paths.values, paths.overlay]) {
        if (!existsSync(path) || kept.includes(path)) continue;
        throw new IvaapError('failed', `${path} still exists`);
      }
    },
  },
};

/**
 * Which of both files are there as this install wrote them, and which are not: those belong to the operator.
 */
async function writtenFiles({ paths, install }: InstallContext, done: z.infer<typeof out> | undefined) {
  const own = install()?.answers?.values === paths.values;
  const written: [string, string | null | undefined][] = [
    [paths.values, own ? undefined : done?.values.sha256],
    [paths.overlay, done?.overlay.sha256],
  ];
  const ours: string[] = [];
  const edited: string[] = [];
  for (const [path, sha256] of written) {
    if (!existsSync(path)) continue;
    (sha256Of(await readRegularText(path)) === sha256 ? ours : edited).push(path);
  }
  return { ours, edited };
}

/**
 * An edited file whose content would change, by an answer on the command line or by an editor just now, is
 * saved first.
 */
async function keepOther(ctx: InstallContext, io: StepIo, text: string): Promise<void> {
  const { values: path } = ctx.paths;
  if (!existsSync(path)) return;
  const there = await readRegularText(path);
  const written = lastResult(ctx.run(), values)?.values.sha256;
  if (there !== text && sha256Of(there) !== written) await keepEdited(ctx, io, path);
}
