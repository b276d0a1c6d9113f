import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { keepFile } from '../backup/backup-folder.ts';
import { type DumpContext, restoreFiles, takeDump } from '../backup/dump-files.ts';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { isThere } from '../backup/kept-dump.ts';
import { whyDumpIsStale } from '../backup/stale-dump.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { RollbackContext } from '../release/context.ts';
import { mayHoldData } from '../release/our-data.ts';
import { helmDeploy } from './helm_deploy.ts';

const globalsFile = 'globals.sql';
const out = z.object({ pgDump: pgDumpSchema });

/** A last verified dump, before anything is undone that may lose data. */
export const rollbackPgBackup: Step<RollbackContext, { pgDump: PgDump }> = {
  id: 'rollback_pg_backup',
  out,
  title: 'Take a last dump of the database',
  needs: [],
  revision: 1,
  inputs: ({ product }) => ({ database: product.database.name }),

  async plan(ctx) {
    const { product, paths, skipBackup, storagePath, storageClass } = ctx;
    const { name } = product.database;
    if (skipBackup) return { action: 'skip', summary: `no dump of ${name} is taken (--skip-backup)` };
    if (!(await mayHoldData(ctx))) {
      return { action: 'skip', summary: `there are no data in ${storageClass ?? storagePath} yet` };
    }
    return { action: 'run', summary: `dump ${name} into a new folder below ${paths.backups}` };
  },

  async run(ctx, io) {
    const pgDump = completeDump(ctx, io) ?? (await takeDump(dumpContext(ctx), io));
    await io.record({ pgDump });
    await io.checkpoint('dump-written');
    const { folder, path, sizeBytes, sha256, rows } = pgDump;
    await keepFile(folder, globalsFile, await ctx.database.dumpGlobals(io.signal));
    io.warn(
      `the last dump is ${path} (${formatBytes(sizeBytes)}, ${counted(rows, 'row')}, SHA-256 ${sha256})`,
    );
    return { pgDump };
  },

  async verify(_ctx, { pgDump }) {
    const { folder, path, sizeBytes } = pgDump;
    const info = await stat(path);
    if (info.size !== sizeBytes) throw new IvaapError('failed', `${path} has changed since it was written`);
    for (const name of [globalsFile, ...Object.values(restoreFiles)]) await stat(join(folder, name));
  },

  /** Once the release is being taken away, there is no database that could be dumped again. */
  async reuse(ctx, { pgDump }) {
    const begun = ctx.run()?.steps[`undo_${helmDeploy.id}`] !== undefined;
    const why = begun ? undefined : whyDumpIsStale(ctx, pgDump);
    if (why !== undefined) throw new IvaapError('failed', why);
  },
};

function dumpContext(ctx: RollbackContext): DumpContext {
  return { ...ctx, from: ctx.install()?.to ?? ctx.to, installedBy: ctx.install()?.binary };
}

/** The dump of an attempt that was cut off after it. */
function completeDump(ctx: RollbackContext, io: StepIo): PgDump | undefined {
  const { data } = pgDumpSchema.safeParse(io.interrupted?.pgDump);
  return data !== undefined && isThere(data) && whyDumpIsStale(ctx, data) === undefined ? data : undefined;
}
