import { existsSync } from 'node:fs';
import { rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, renameDurable } from '../host/atomic-file.ts';
import { removeTree } from '../host/remove-tree.ts';
import { compareChart, extractChart, isPayloadChart } from '../release/chart-tree.ts';
import { makeBackupFolder, moveAside } from '../backup/backup-folder.ts';
import type { InstallContext } from '../release/context.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { values } from './values.ts';

const out = z.object({ chart: z.object({ path: z.string(), version: z.string() }) });

/** Extracts the chart, and creates the folder for connectors' archives. */
export const chart: Step<InstallContext, z.infer<typeof out>> = {
  id: 'chart',
  out,
  title: 'Extract the chart',
  needs: [values.id],
  revision: 1,
  inputs: ({ payload, product }) => ({ payload: payload.digest, folder: product.chart.folder }),
  plan: async ({ paths, to }) => ({ action: 'run', summary: `extract the chart of ${to} to ${paths.chart}` }),

  async run(ctx, io) {
    const { paths, to } = ctx;
    if (paths.connectors !== undefined) await makeFolder(paths.connectors);
    if (!(await isPayloadChart(ctx, paths.chart))) {
      // A chart is placed completely or not at all: another one was edited, or is that of the package that
      // started this install.
      if (existsSync(paths.chart)) {
        await moveAside(io, await makeBackupFolder(ctx, io), paths.chart);
      }
      await makeFolder(paths.work, 0o700);
      const staged = join(paths.work, 'chart');
      const files = await extractChart(ctx, staged, io.signal);
      await io.checkpoint('chart-staged');
      await renameDurable(staged, paths.chart);
      io.log(`${paths.chart}: ${files} files`);
    }
    return { chart: { path: paths.chart, version: to } };
  },

  async verify(ctx) {
    if (await isPayloadChart(ctx, ctx.paths.chart)) return;
    throw new IvaapError('failed', `${ctx.paths.chart} is not the chart of this payload`);
  },

  undo: {
    destructive: false,

    async plan(ctx) {
      const { chart: path } = ctx.paths;
      if (!existsSync(path)) return { removes: [], keeps: [], stops: [] };
      const { changed, removed: others } = await compareChart(ctx, path);
      const stops = others.map((name) => ({
        what: `${join(path, name)} is in the chart's folder, and this installer has not written it`,
        hint: asRoot(`mv ${shellWord(join(path, name))} /root/`),
      }));
      const keeps =
        changed.length === 0 ? [] : [`${path} was edited (${changed.join(', ')}): it is kept in a backup`];
      return { removes: changed.length === 0 ? [path] : [], keeps, stops };
    },

    async run(ctx, io) {
      const { paths } = ctx;
      const { changed } = await compareChart(ctx, paths.chart);
      if (existsSync(paths.chart)) {
        if (changed.length > 0) await moveAside(io, await makeBackupFolder(ctx, io), paths.chart);
        else await removeTree(paths.chart);
      }
      // Empty it is ours; with archives in it, it is the operator's as well.
      if (paths.connectors !== undefined) await rmdir(paths.connectors).catch(() => undefined);
      return {};
    },

    async verify({ paths }) {
      if (existsSync(paths.chart)) throw new IvaapError('failed', `${paths.chart} still exists`);
    },
  },
};
