import * as z from 'zod';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { takeStepBackup } from '../backup/recorded-backup.ts';
import { assertWhole } from '../backup/whole-dump.ts';
import type { Step } from '../engine/step.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { RehearsalContext } from '../release/context.ts';
import { rehearseLoadImages } from './rehearse_load_images.ts';

/** The dump that is rehearsed on: a backup as `backup` takes it, which is pruned like those. */
export const rehearsePgBackup: Step<RehearsalContext, { rehearsalDump: PgDump }> = {
  id: 'rehearse_pg_backup',
  out: z.object({ rehearsalDump: pgDumpSchema }),
  title: 'Back up the database',
  needs: [rehearseLoadImages.id],
  finishes: true,
  revision: 1,
  inputs: ({ product, from }) => ({ database: product.database.name, from }),

  plan: async ({ product, paths }) => ({
    action: 'run',
    summary: `dump ${product.database.name} into a new folder below ${paths.backups}, as a backup`,
  }),

  async run(ctx, io) {
    const rehearsalDump = await takeStepBackup(ctx, io, { rehearsal: true });
    const { path, sizeBytes, sha256, rows } = rehearsalDump;
    io.log(`${path}: ${formatBytes(sizeBytes)}, ${counted(rows, 'row')}, SHA-256 ${sha256}`);
    return { rehearsalDump };
  },

  verify: (_ctx, { rehearsalDump }) => assertWhole(rehearsalDump),
};
