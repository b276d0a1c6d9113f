import { existsSync, statSync } from 'node:fs';
import { readFile, rm } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import * as z from 'zod';
import { keepCopy, keepFile, makeBackupFolder } from '../backup/backup-folder.ts';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { makeFolder, renameDurable, syncFolder, writeFileAtomic } from '../host/atomic-file.ts';
import { copyTreeDurable } from '../host/copy-tree.ts';
import { compactTime } from '../policy/compact-time.ts';
import { changedKeys } from '../policy/changed-keys.ts';
import { sameTree } from '../release/chart-tree.ts';
import type { RestoreContext } from '../release/context.ts';
import { keptFilesSchema } from '../release/restore-record.ts';
import { parseValues } from '../release/values-file.ts';
import { restorePgBackup } from './restore_pg_backup.ts';

const out = z.object({
  filesBefore: z.string(),
  /** Where the operator's values file is kept; null where it is the same. */
  valuesBefore: z.string().nullable(),
});

/** Puts chart, values and overlay of the release back from its snapshot; those from before are kept. */
export const restoreChart: Step<RestoreContext, z.infer<typeof out>> = {
  id: 'restore_chart',
  out,
  title: 'Put chart and values back',
  needs: [],
  revision: 1,
  inputs: ({ target: { chart, files } }) => ({ chart, files }),

  plan: async ({ paths, to, target: { files } }) => ({
    action: 'run',
    summary: `put the chart and the values of ${to} from ${files ?? ''} back into ${paths.folder}`,
  }),

  async run(ctx, io) {
    const { paths, target } = ctx;
    const { chart, files } = target;
    if (chart === null || files === null) throw new IvaapError('bug', 'no chart was kept');
    const kept = await keepBefore(ctx, io);
    await ctx.recordRestored({ kept });
    await io.checkpoint('files-kept');
    await placeChart(ctx, io, chart);
    await io.checkpoint('chart-placed');
    const valuesBefore = await placeValues(ctx, io, files);
    await placeOverlay(join(files, basename(paths.overlay)), paths.overlay);
    return { filesBefore: kept, valuesBefore };
  },

  async verify({ paths, target }) {
    if (await sameTree(paths.chart, target.chart ?? '')) return;
    throw new IvaapError('failed', `${paths.chart} is not the chart of ${target.release.version}`);
  },
};

/** Chart, values and overlay as they are: complete and recorded before anything is replaced. */
async function keepBefore(ctx: RestoreContext, io: StepIo): Promise<string> {
  const { paths, product } = ctx;
  const recorded = keptFilesSchema.safeParse(io.interrupted).data?.filesBefore;
  if (recorded !== undefined) return recorded;
  const own = typeof io.interrupted?.folder === 'string' ? io.interrupted.folder : undefined;
  const folder = await makeBackupFolder(ctx, io, io.result(restorePgBackup)?.pgDump.folder ?? own);
  const chart = join(folder, product.chart.folder);
  if (existsSync(paths.chart) && !existsSync(chart))
    await keepCopy(folder, product.chart.folder, paths.chart);
  for (const path of [paths.values, paths.overlay])
    if (existsSync(path)) await keepFile(folder, basename(path), await readFile(path));
  await io.record({ filesBefore: folder });
  return folder;
}

async function placeChart({ paths }: RestoreContext, io: StepIo, chart: string): Promise<void> {
  if (await sameTree(paths.chart, chart)) return;
  const [staged, outgoing] = [join(paths.work, 'chart'), join(paths.work, 'chart-outgoing')];
  await makeFolder(paths.work, 0o700);
  for (const path of [staged, outgoing]) await rm(path, { recursive: true, force: true });
  await copyTreeDurable(chart, staged);
  if (existsSync(paths.chart)) await renameDurable(paths.chart, outgoing);
  await io.checkpoint('chart-aside');
  await renameDurable(staged, paths.chart);
  await rm(outgoing, { recursive: true, force: true });
}

/** An edit of the operator's is never lost: the file stays beside the one that comes back. */
async function placeValues(ctx: RestoreContext, io: StepIo, files: string): Promise<string | null> {
  const { paths, now } = ctx;
  const old = await readFile(join(files, basename(paths.values)));
  const recorded = io.interrupted?.valuesBefore;
  const current = existsSync(paths.values) ? await readFile(paths.values) : undefined;
  if (current === undefined || current.equals(old)) {
    if (current === undefined) await writeFileAtomic(paths.values, old, { mode: 0o600 });
    return typeof recorded === 'string' ? recorded : null;
  }
  const mode = statSync(paths.values).mode & 0o7777;
  const beside =
    typeof recorded === 'string' ? recorded : `${paths.values}.before-restore-${compactTime(now())}`;
  await io.record({ valuesBefore: beside });
  await writeFileAtomic(beside, current, { mode });
  const keys = changedKeys(
    parseValues(paths.values, old.toString()).root,
    parseValues(paths.values, current.toString()).root,
  );
  io.warn(
    `the values file was changed since then: it is kept as ${beside}. Other values there: ` +
      `${keys.length === 0 ? 'none (comments or order only)' : keys.join(', ')}`,
  );
  await writeFileAtomic(paths.values, old, { mode });
  return beside;
}

async function placeOverlay(from: string, to: string): Promise<void> {
  if (existsSync(from)) await writeFileAtomic(to, await readFile(from), { mode: 0o600 });
  else if (existsSync(to)) {
    await rm(to);
    await syncFolder(dirname(to));
  }
}
