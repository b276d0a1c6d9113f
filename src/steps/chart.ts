import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, renameDurable } from '../host/atomic-file.ts';
import { extractChart, isPayloadChart } from '../release/chart-tree.ts';
import { makeBackupFolder, moveAside } from '../backup/backup-folder.ts';
import type { InstallContext } from '../release/context.ts';
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

  async undo({ paths }) {
    if (existsSync(paths.chart)) await rm(paths.chart, { recursive: true });
  },
};
