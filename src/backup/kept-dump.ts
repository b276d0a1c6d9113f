import { statSync } from 'node:fs';
import type { StepIo } from '../engine/step.ts';
import { causeChain } from '../errors.ts';
import type { UpgradeContext } from '../release/context.ts';
import { lastResult } from './step-results.ts';
import type { PgDump } from './dump-record.ts';
import { dumpResult } from './upgrade-results.ts';

/** Whether the dump's file exists with its recorded size. */
export const isThere = ({ path, sizeBytes }: PgDump): boolean =>
  statSync(path, { throwIfNoEntry: false })?.size === sizeBytes;

/** The run's dump where the operator asked for no new one; undefined where there is none. */
export function dumpToKeep({ skipBackup, run }: Pick<UpgradeContext, 'skipBackup' | 'run'>) {
  const dump = lastResult(run(), dumpResult)?.pgDump;
  return skipBackup && dump !== undefined && isThere(dump) ? dump : undefined;
}

/**
 * An earlier dump of this upgrade that is used instead of a new one, with a warning that says why; undefined
 * where a new one has to be taken. After Helm has started, another dump is taken, unless the database does
 * not answer: a failed rollback may have left no pod of it, and only going forward brings it back.
 */
export async function keptDump(ctx: UpgradeContext, io: StepIo): Promise<PgDump | undefined> {
  const kept = dumpToKeep(ctx);
  if (kept !== undefined) {
    io.warn(
      `no new dump (--skip-backup): ${kept.path} of ${kept.takenAt} ` +
        'stays the backup, and data written since then is not in it',
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
      `the database does not answer (${causeChain(error)[0] ?? ''}), so there is no second dump: ` +
        `the run continues with ${restore.path} of ${restore.takenAt}, from before Helm first ` +
        'started',
    );
    return restore;
  }
}
