import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Step, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { otherDatabases } from '../host/database-sessions.ts';
import { estimateDump } from '../host/dump-estimate.ts';
import { known } from '../known.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { keepFile } from '../backup/backup-folder.ts';
import type { UpgradeContext } from '../release/context.ts';
import { globalsFile, notDumped, restoreFiles, takeDump } from '../backup/dump-files.ts';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { dumpResult, helmResult } from '../backup/upgrade-results.ts';
import { hasCompleted, lastResult } from '../backup/step-results.ts';
import { whyDumpIsStale } from '../backup/stale-dump.ts';
import { dumpToKeep, isThere, keptDump } from '../backup/kept-dump.ts';
import { isDeployed } from '../release/helm-state.ts';
import { upgradeDetect } from './upgrade_detect.ts';

/** Streams pg_dump out of the database's pod into a new backup folder: complete and verified, or absent. */
export const upgradePgBackup: Step<UpgradeContext, { pgDump: PgDump }> = {
  ...dumpResult,
  title: 'Back up the database',
  needs: [upgradeDetect.id],
  finishes: true,
  revision: 1,
  inputs: ({ product, from }) => ({ database: product.database.name, from }),

  async plan(ctx) {
    const { product, paths, skipBackup } = ctx;
    const kept = dumpToKeep(ctx);
    if (kept !== undefined) {
      return { action: 'run', summary: `keep the dump of ${kept.takenAt}: no new one (--skip-backup)` };
    }
    return skipBackup
      ? { action: 'skip', summary: 'skipped on request (--skip-backup): there is no dump of this upgrade' }
      : { action: 'run', summary: `dump ${product.database.name} into a new folder below ${paths.backups}` };
  },

  async preview({ product, database, paths }, signal) {
    const [others, estimate, server, schema] = await Promise.all([
      known(otherDatabases(database, signal)),
      known(estimateDump(database, signal)),
      database.serverVersion(signal),
      database.schemaVersion(product.database.schemaVersionQuery, signal),
    ]);
    const size = estimate.known ? `about ${formatBytes(estimate.value)}` : 'of unknown size';
    const { name, dumpFile } = product.database;
    const files = [dumpFile, globalsFile, ...Object.values(restoreFiles)];
    return {
      brief: `dump of ${name}, ${size}, below ${paths.backups}`,
      details: [
        `${size} (estimated from a sample of its rows), PostgreSQL ${server}, schema version ${schema}`,
        `files: ${files.join(', ')}`,
        ...(others.known && others.value.length > 0 ? [notDumped(others.value)] : []),
      ],
      data: {
        database: name,
        sizeBytes: estimate.known ? estimate.value : null,
        serverVersion: server,
        schemaVersion: schema,
        otherDatabases: others.known ? others.value : null,
        below: paths.backups,
        files,
      },
    };
  },

  async run(ctx, io) {
    const { database } = ctx;
    const { signal } = io;
    const kept = await keptDump(ctx, io);
    if (kept !== undefined) return { pgDump: kept };
    const pgDump = completeDump(ctx, io) ?? (await takeDump(ctx, io));
    await io.record({ pgDump });
    await io.checkpoint('dump-written');
    // Roles belong to the server, not to the database: without them an empty server does not know the dump's
    // owners.
    const { folder, path, sizeBytes, sha256, rows } = pgDump;
    await keepFile(folder, globalsFile, await database.dumpGlobals(signal));
    io.log(`${path}: ${formatBytes(sizeBytes)}, ${counted(rows, 'row')}, SHA-256 ${sha256}`);
    return { pgDump };
  },

  async verify(_ctx, { pgDump }) {
    const { folder, path, sizeBytes, restoreScript } = pgDump;
    const info = await stat(path);
    if (info.size !== sizeBytes) throw new IvaapError('failed', `${path} has changed since it was written`);
    await stat(join(folder, globalsFile));
    if (restoreScript === undefined) return; // of an older program
    for (const name of Object.values(restoreFiles)) await stat(join(folder, name));
  },

  async reuse(ctx, { pgDump }) {
    const why = whyDumpIsStale(ctx, pgDump);
    // After Helm has completed, nothing runs again that needs a dump.
    if (why !== undefined && !(await isReleaseUnchanged(ctx))) throw new IvaapError('failed', why);
  },
};

/**
 * The dump of an attempt that was interrupted after it: complete under its name, recorded, and young enough.
 */
function completeDump(ctx: UpgradeContext, io: StepIo): PgDump | undefined {
  const { data } = pgDumpSchema.safeParse(io.interrupted?.pgDump);
  if (data === undefined || whyDumpIsStale(ctx, data) !== undefined || !isThere(data)) return undefined;
  io.log(`${data.path} is complete: an earlier attempt was interrupted after it`);
  return data;
}

/** Whether Helm has completed in this run with the current values, and the release is still as it left it. */
async function isReleaseUnchanged({ run, helm, values, to }: UpgradeContext): Promise<boolean> {
  if (!hasCompleted(run(), helmResult)) return false;
  if (lastResult(run(), helmResult)?.helm.values !== values.sha256) return false;
  return isDeployed(await helm.current(), to);
}
