import * as z from 'zod';
import type { RunRecord } from '../engine/state.ts';
import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { takeStepBackup } from '../backup/recorded-backup.ts';
import { releaseOfData } from '../backup/rollback-dump.ts';
import { assertWhole } from '../backup/whole-dump.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { RollbackContext } from '../release/context.ts';
import { databaseStopped } from '../release/database-stopped.ts';
import { warnOfSessions } from '../release/halt-for-dump.ts';
import { mayHoldData } from '../release/our-data.ts';
import { helmDeploy } from './helm_deploy.ts';
import { namespace } from './namespace.ts';
import { postgres } from './postgres.ts';
import { secrets } from './secrets.ts';

const out = z.object({ pgDump: pgDumpSchema });

/**
 * A last verified dump, before anything is undone that may lose data. It may be the only copy of the rows: it
 * stays listed whatever run comes next, and is never pruned.
 */
export const rollbackPgBackup: Step<RollbackContext, { pgDump: PgDump }> = {
  id: 'rollback_pg_backup',
  out,
  title: 'Take a last dump of the database',
  needs: [],
  revision: 1,
  inputs: ({ product }) => ({ database: product.database.name }),

  async plan(ctx) {
    const why = await whyNoDump(ctx);
    if (why !== undefined) return { action: 'skip', summary: why };
    const { product, paths } = ctx;
    return {
      action: 'run',
      summary: `dump ${product.database.name} into a new folder below ${paths.backups}`,
    };
  },

  async run(ctx, io) {
    const taken = takeStepBackup(dumpContext(ctx), io, { rollbackTo: ctx.step });
    const pgDump = await taken.catch((error: unknown) => {
      throw withWayOn(ctx, error);
    });
    await warnOfSessions(ctx.database, io);
    const { path, sizeBytes, sha256, rows } = pgDump;
    io.note(
      `the last dump is ${path} (${formatBytes(sizeBytes)}, ${counted(rows, 'row')}, SHA-256 ${sha256})`,
    );
    return { pgDump };
  },

  verify: (_ctx, { pgDump }) => assertWhole(pgDump),

  async reuse(ctx) {
    const why = ctx.skipBackup ? undefined : await whyGrown(ctx);
    if (why !== undefined) throw new IvaapError('failed', why);
  },
};

/** Why no last dump is to be taken; undefined where one is. */
export async function whyNoDump(ctx: RollbackContext): Promise<string | undefined> {
  const { product, skipBackup, storagePath, storageClass } = ctx;
  if (skipBackup) return `no dump of ${product.database.name} is taken (--skip-backup)`;
  const hasData = await mayHoldData(ctx);
  if (!hasData.known && (await whyGrown(ctx)) === undefined)
    return `${hasData.why}; the database is being removed already`;
  if (hasData.known && !hasData.value) return `there are no data in ${storageClass ?? storagePath} yet`;
  return undefined;
}

/** Also where a dump that was taken is gone, and the database with it: one flag leads on. */
function withWayOn({ again }: RollbackContext, error: unknown): unknown {
  if (!(error instanceof IvaapError) || error.code !== 'failed') return error;
  const mended = error.hint === undefined ? '' : `${error.hint}\n`;
  return error.with({ hint: `${mended}to continue without a dump: ${again({ add: ['--skip-backup'] })}` });
}

const grown = 'rows may have come since it was taken';

/**
 * Why a dump of this rollback may lack rows; undefined once it has taken the database away. That it has begun
 * to is not enough: cut off there, the product still serves.
 */
export async function whyGrown(
  ctx: Pick<RollbackContext, 'run' | 'kubectl' | 'product'>,
): Promise<string | undefined> {
  const run = ctx.run();
  if (!removalBegun(run)) return grown;
  if (run?.steps[`undo_${helmDeploy.id}`]?.status === 'completed') return undefined;
  const isStopped = await databaseStopped(ctx.kubectl, ctx.product, new AbortController().signal);
  if (!isStopped.known) return `whether the database still runs is not known: ${isStopped.why}`;
  return isStopped.value ? undefined : grown;
}

/** Whether a rollback has begun to take the database away. */
export const removalBegun = (run: Readonly<Pick<RunRecord, 'steps'>> | undefined): boolean =>
  [helmDeploy, postgres, secrets, namespace].some(({ id }) => run?.steps[`undo_${id}`] !== undefined);

const dumpContext = (ctx: RollbackContext) => ({
  ...ctx,
  from: releaseOfData(ctx.install()),
  installedBy: ctx.install()?.binary,
});
