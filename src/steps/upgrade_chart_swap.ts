import type * as z from 'zod';
import { existsSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, renameDurable } from '../host/atomic-file.ts';
import { keepCopy, makeBackupFolder, moveAside } from '../backup/backup-folder.ts';
import { compareChart, extractChart, isPayloadChart, sameTree } from '../release/chart-tree.ts';
import type { UpgradeContext } from '../release/context.ts';
import { chartSwapResult } from '../backup/upgrade-results.ts';
import { snapshotOf, upgradeSnapshot } from './upgrade_snapshot.ts';

/**
 * Replaces the old chart with the payload's; the old one is saved in the backup folder. The saved copy is
 * complete before the old tree is moved, so a crash at the instant without a chart loses nothing: the next
 * attempt places the new one.
 */
export const upgradeChartSwap: Step<UpgradeContext, z.infer<typeof chartSwapResult.out>> = {
  ...chartSwapResult,
  title: 'Replace the chart',
  needs: [upgradeSnapshot.id],
  revision: 1,
  inputs: ({ payload, product }) => ({ payload: payload.digest, folder: product.chart.folder }),

  plan: async ({ paths, to }) => ({
    action: 'run',
    summary: `save ${paths.chart} in the backup folder and replace it with the chart of ${to}`,
  }),

  async preview(ctx) {
    const { added, changed, removed, same } = await compareChart(ctx, ctx.paths.chart);
    const marked = (mark: string, files: string[]) => files.map((file) => `  ${mark} ${file}`);
    return {
      details: [
        `files: ${added.length} added, ${changed.length} ` +
          `changed, ${removed.length} removed, ${same} the same`,
        ...marked('+', added),
        ...marked('~', changed),
        ...marked('-', removed),
      ],
      data: { chart: ctx.paths.chart, keptBelow: ctx.paths.backups, added, changed, removed, same },
    };
  },

  async run(ctx, io) {
    const { paths } = ctx;
    const { folder } = snapshotOf(io);
    const kept = await keepOldChart(ctx, io, folder);
    const staged = join(paths.work, 'chart');
    const outgoing = join(paths.work, 'chart-outgoing');
    await makeFolder(paths.work, 0o700);
    const { editedChart } = io.interrupted ?? {};
    let edited = typeof editedChart === 'string' && existsSync(editedChart) ? editedChart : null;
    if (!(await isPayloadChart(ctx, paths.chart))) {
      const files = await extractChart(ctx, staged, io.signal);
      await rm(outgoing, { recursive: true, force: true });
      if (existsSync(paths.chart)) {
        if (kept !== null && (await sameTree(paths.chart, kept))) await renameDurable(paths.chart, outgoing);
        else {
          edited = await moveAside(io, await makeBackupFolder(ctx, io, folder), paths.chart);
        }
      }
      await io.checkpoint('old-chart-aside');
      await renameDurable(staged, paths.chart);
      io.log(`${paths.chart}: ${files} files from the payload; old chart: ${kept ?? 'there was none'}`);
    }
    await rm(outgoing, { recursive: true, force: true });
    return {
      chart: { path: paths.chart, version: ctx.to },
      previousChart: kept,
      editedChart: edited,
    };
  },

  async verify(ctx) {
    if (await isPayloadChart(ctx, ctx.paths.chart)) return;
    throw new IvaapError('failed', `${ctx.paths.chart} is not the chart of this payload`);
  },
};

/**
 * A copy of the chart of the installed release, in this backup's folder. The first copy is recorded durably
 * before the chart is replaced: afterwards the chart in place may be that of an unfinished upgrade, and later
 * backups copy the copy.
 */
async function keepOldChart(
  { paths, product }: UpgradeContext,
  io: StepIo,
  folder: string,
): Promise<string | null> {
  const kept = join(folder, product.chart.folder);
  const first = io.originals['oldChart'];
  const source = typeof first === 'string' ? first : paths.chart;
  if (!existsSync(kept)) {
    if (!existsSync(source)) return null;
    await keepCopy(folder, product.chart.folder, source);
  }
  await io.recordOriginal({ oldChart: kept });
  return kept;
}
