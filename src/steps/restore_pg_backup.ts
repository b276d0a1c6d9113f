import * as z from 'zod';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { assertWhole, takeWholeDump } from '../backup/whole-dump.ts';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { known } from '../known.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { RestoreContext } from '../release/context.ts';
import { isSwapped } from '../release/restore-swap.ts';

const out = z.object({ pgDump: pgDumpSchema });

const grown = 'rows may have come since it was taken';

/** A verified dump of what is there now, once nothing writes any more. */
export const restorePgBackup: Step<RestoreContext, { pgDump: PgDump }> = {
  id: 'restore_pg_backup',
  out,
  title: 'Back up the database that is there now',
  needs: [],
  revision: 1,
  inputs: ({ product }) => ({ database: product.database.name }),

  async plan({ product, paths, skipBackup, target, database }) {
    if (skipBackup) {
      return {
        action: 'skip',
        summary: 'skipped on request (--skip-backup): there is no dump of what is there now',
      };
    }
    // A server that was stopped half-way through an upgrade does not answer; nothing of its folder goes.
    const asked = target.folder === null ? undefined : await known(database.serverVersion());
    if (asked?.known === false) {
      return {
        action: 'skip',
        summary: `the database does not answer (${asked.why}): there is no dump, and its data folder is kept`,
      };
    }
    return {
      action: 'run',
      summary: `dump ${product.database.name} into a new folder below ${paths.backups}`,
    };
  },

  async run(ctx, io) {
    const pgDump = await takeWholeDump(ctx, io, { key: 'pgDump', whyStale: () => grown });
    const { path, sizeBytes, sha256, rows } = pgDump;
    io.log(`${path}: ${formatBytes(sizeBytes)}, ${counted(rows, 'row')}, SHA-256 ${sha256}`);
    return { pgDump };
  },

  verify: (_ctx, { pgDump }) => assertWhole(pgDump),

  async reuse(ctx) {
    if (!(await isSwapped(ctx))) throw new IvaapError('failed', grown);
  },
};
