import type { Step } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import type { DumpContext } from '../backup/dump-files.ts';
import type { PgDump } from '../backup/dump-record.ts';
import { whyTooOld } from '../backup/stale-dump.ts';
import { assertWhole, takeWholeDump } from '../backup/whole-dump.ts';
import { counted } from '../policy/counted.ts';
import { formatBytes } from '../policy/format-bytes.ts';
import { isBelow } from '../host/below.ts';
import { warnOfSessions } from '../release/halt-for-dump.ts';
import { isRemoving } from '../release/uninstall-record.ts';
import { lastDumpResult, mayHaveGrown, wholeLastDump } from '../release/last-dump.ts';
import type { UninstallCluster, UninstallContext } from '../release/uninstall-context.ts';
import { uninstallHalt } from './uninstall_halt.ts';

/** The last dump, as an upgrade takes it, into a folder outside all that is removed. */
export const uninstallPgBackup: Step<UninstallContext, { lastDump: PgDump }> = {
  ...lastDumpResult,
  title: 'Back up the database',
  needs: [uninstallHalt.id],
  finishes: true,
  revision: 1,
  inputs: ({ product, from }) => ({ database: product.database.name, from }),

  async plan(ctx) {
    const { choices, skipBackup, product } = ctx;
    if (isRemoving({ run: ctx.run() }) && !hasGrown(ctx)) {
      await wholeLastDump(ctx);
      return { action: 'skip', summary: 'the removal has begun: there is no database to dump any more' };
    }
    if (skipBackup) {
      return { action: 'skip', summary: 'skipped on request (--skip-backup): there is no last dump' };
    }
    const { database, rollbackDump } = ctx.found;
    if (rollbackDump !== undefined) {
      const { path, takenAt } = rollbackDump;
      return { action: 'run', summary: `keep ${path} of ${takenAt}, which the unfinished rollback took` };
    }
    if (ctx.cluster === undefined || (database.known && database.value === null)) {
      return { action: 'skip', summary: 'there is no database' };
    }
    return { action: 'run', summary: `dump ${product.database.name} into a new folder in ${choices.dumpTo}` };
  },

  async preview({ found: { database, rollbackDump }, choices: { dumpTo } }) {
    if (rollbackDump !== undefined) {
      const { path, sizeBytes, rows, schemaVersion } = rollbackDump;
      const text = `the last dump is ${path}, ${formatBytes(sizeBytes)}, ${counted(rows, 'row')}`;
      return { brief: text, details: [text], data: { sizeBytes, rows, schemaVersion, below: dumpTo } };
    }
    if (!database.known) throw new IvaapError('failed', database.why);
    const { sizeBytes = 0, rows = 0, schema = null } = database.value ?? {};
    const size = `${formatBytes(sizeBytes)} on disk, about ${counted(rows, 'row')}`;
    return {
      brief: `last dump into ${dumpTo}, ${size}`,
      details: [`the database: ${size}, schema version ${schema ?? 'not known'}`],
      data: { sizeBytes, rows, schemaVersion: schema, below: dumpTo },
    };
  },

  async run(ctx, io) {
    const { cluster } = ctx;
    const lastDump =
      ctx.found.rollbackDump ??
      (await takeWholeDump(dumpContext(ctx, cluster), io, {
        key: 'lastDump',
        whyStale: (dump) => whyStale(ctx, dump),
      }));
    if (ctx.found.rollbackDump === undefined && cluster !== undefined)
      await warnOfSessions(cluster.database, io);
    const { path, sizeBytes, rows, sha256 } = lastDump;
    io.log(`${path}: ${formatBytes(sizeBytes)}, ${counted(rows, 'row')}, SHA-256 ${sha256}`);
    return { lastDump };
  },

  verify: (_ctx, { lastDump }) => assertWhole(lastDump),

  async reuse(ctx, { lastDump }) {
    // The database that it is of is gone.
    if (lastDump.path === ctx.found.rollbackDump?.path) return;
    const why = whyStale(ctx, lastDump);
    if (why !== undefined) throw new IvaapError('failed', why);
  },
};

function dumpContext(ctx: UninstallContext, cluster: UninstallCluster | undefined): DumpContext {
  if (cluster === undefined) throw new IvaapError('bug', 'a dump without a cluster');
  const { kubectl, database, k3s } = cluster;
  const { product, now, installedBy, to, choices } = ctx;
  return { product, now, installedBy, kubectl, database, k3s, from: to, paths: { backups: choices.dumpTo } };
}

const hasGrown = (ctx: UninstallContext): boolean =>
  mayHaveGrown({ run: ctx.run(), agreedAt: ctx.agreedAt }, ctx.found.isStopped);

/** Until the database is stopped, rows may come after a dump, however young that is. */
function whyStale(ctx: UninstallContext, dump: PgDump): string | undefined {
  const { run, product, now, choices, skipBackup } = ctx;
  const grown = 'rows may have come since it was taken';
  if (isRemoving({ run: run() })) return hasGrown(ctx) ? grown : undefined;
  if (!isBelow(dump.path, choices.dumpTo)) return `it is not in ${choices.dumpTo}`;
  return skipBackup ? whyTooOld(product, dump, now()) : grown;
}
