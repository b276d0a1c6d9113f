import { statSync } from 'node:fs';
import type { StepIo } from '../engine/step.ts';
import { causeChain } from '../errors.ts';
import type { UpgradeContext } from '../release/context.ts';
import { lastResult } from './step-results.ts';
import type { PgDump } from './dump-record.ts';
import { dumpResult } from './upgrade-results.ts';

/** Whether a dump lies there as it was recorded. */
export const isThere = ({ path, sizeBytes }: PgDump): boolean =>
  statSync(path, { throwIfNoEntry: false })?.size === sizeBytes;

/** The dump that stays the run's own where no new one is taken on request; undefined where there is none. */
export function dumpToKeep({ skipBackup, run }: Pick<UpgradeContext, 'skipBackup' | 'run'>) {
  const dump = lastResult(run(), dumpResult)?.pgDump;
  return skipBackup && dump !== undefined && isThere(dump) ? dump : undefined;
}

/**
 * A dump of this upgrade that is taken as it is, with a warning that says why; undefined where a new one has to be taken. Once Helm has
 * started another one is wanted, but of a database that cannot be asked there is none to be had: a rollback that failed may have left no
 * pod of it, and going forward is what brings it back.
 */
export async function keptDump(ctx: UpgradeContext, io: StepIo): Promise<PgDump | undefined> {
  const kept = dumpToKeep(ctx);
  if (kept !== undefined) {
    io.warn(
      `no new dump (--skip-backup): ${kept.path} of ${kept.takenAt} stays the backup, and data written since then is not in it`,
    );
    return kept;
  }
  const { helmStartedAt, restore } = ctx.wayBack();
  if (helmStartedAt === undefined || restore === undefined || !isThere(restore)) return undefined;
  const { database, product } = ctx;
  try {
    await database.schemaVersion(product.database.schemaVersionQuery, io.signal);
    return undefined;
  } catch (error) {
    io.signal.throwIfAborted();
    io.warn(
      `the database does not answer (${causeChain(error)[0] ?? ''}), so there is no second dump: the run continues with ${restore.path} of ${restore.takenAt}, from before Helm first started`,
    );
    return restore;
  }
}
