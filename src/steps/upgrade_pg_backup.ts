import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { otherDatabases } from '../host/database-sessions.ts';
import { estimateDump } from '../host/dump-estimate.ts';
import { known } from '../known.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import type { UpgradeContext } from '../release/context.ts';
import { globalsFile, notDumped, restoreFiles } from '../backup/dump-files.ts';
import type { PgDump } from '../backup/dump-record.ts';
import { dumpResult, helmResult } from '../backup/upgrade-results.ts';
import { hasCompleted, lastResult } from '../backup/step-results.ts';
import { whyDumpIsStale, whyLacking } from '../backup/stale-dump.ts';
import { dumpToKeep, keptDump } from '../backup/kept-dump.ts';
import { assertWhole, dumpFact, takeWholeDump } from '../backup/whole-dump.ts';
import { isDeployed } from '../release/helm-state.ts';
import { upgradeDetect } from './upgrade_detect.ts';

/** Streams pg_dump out of the database's pod into a new backup folder: complete and verified, or absent. */
export const upgradePgBackup: Step<UpgradeContext, { pgDump: PgDump }> = {
  ...dumpResult,
  title: 'Back up the database',
  needs: [upgradeDetect.id],
  finishes: true,
  clears: ['pgDump'],
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
    const { majorChange } = ctx;
    const kept = majorChange === undefined ? await keptDump(ctx, io) : undefined;
    if (kept !== undefined) {
      io.tell(dumpFact(kept));
      return { pgDump: kept };
    }
    const whyStale = (dump: PgDump) =>
      majorChange === undefined ? whyDumpIsStale(ctx, dump) : whyLacking(ctx, dump);
    const pgDump = await takeWholeDump(ctx, io, { key: 'pgDump', whyStale });
    const { path, sizeBytes, sha256, rows } = pgDump;
    io.log(`${path}: ${formatBytes(sizeBytes)}, ${counted(rows, 'row')}, SHA-256 ${sha256}`);
    return { pgDump };
  },

  verify: (_ctx, { pgDump }) => assertWhole(pgDump),

  async reuse(ctx, { pgDump }) {
    if (ctx.majorChange !== undefined) {
      const lacks = whyLacking(ctx, pgDump);
      if (lacks !== undefined) throw new IvaapError('failed', lacks);
      return;
    }
    const why = whyDumpIsStale(ctx, pgDump);
    // After Helm has completed, nothing runs again that needs a dump.
    if (why !== undefined && !(await isReleaseUnchanged(ctx))) throw new IvaapError('failed', why);
  },
};

/** Whether Helm has completed in this run with the current values, and the release is still as it left it. */
async function isReleaseUnchanged({ run, helm, values, to }: UpgradeContext): Promise<boolean> {
  if (!hasCompleted(run(), helmResult)) return false;
  if (lastResult(run(), helmResult)?.helm.values !== values.sha256) return false;
  return isDeployed(await helm.current(), to);
}
