import { bootId, uptimeSeconds } from '../host/system.ts';
import type { UpgradeContext } from '../release/context.ts';
import { isSealed } from './backup-folder.ts';
import { stepRecord } from './step-results.ts';
import { haltId, lackingDump, switchId } from './upgrade-results.ts';
import type { PgDump } from './dump-record.ts';

/**
 * Why a complete dump is not a backup of the current database. After Helm has started it is the one from
 * before and stays as it is: another one is taken in addition.
 */
export function whyDumpIsStale(
  { product, run, now }: Pick<UpgradeContext, 'product' | 'run' | 'now'>,
  dump: PgDump,
): string | undefined {
  // The state may be older than the folder; a sealed folder means the same.
  if (run()?.noReturnAt !== undefined || isSealed(dump.folder)) return 'Helm has started since it was taken';
  return whyTooOld(product, dump, now());
}

/**
 * Why a dump cannot take the data to another major version of PostgreSQL: rows may have come after it. That
 * none has is proved before the folders are switched.
 */
export function whyLacking(
  { run }: Pick<UpgradeContext, 'run'>,
  { takenAt, sha256 }: Pick<PgDump, 'takenAt' | 'sha256'>,
): string | undefined {
  const halt = run()?.steps[haltId];
  if (halt?.status !== 'completed' || (halt.finishedAt ?? '') > takenAt)
    return 'the product has run since it was taken';
  const lacks = lackingDump.safeParse(stepRecord(run(), switchId)).data?.lacksRows === sha256;
  return lacks ? 'the database has other rows than it' : undefined;
}

/** Why a dump may lack rows that came after it; undefined for one that is young enough. */
export function whyTooOld(
  { backup: { maxAgeMinutes } }: Pick<UpgradeContext['product'], 'backup'>,
  dump: PgDump,
  now: Date,
): string | undefined {
  const age = ageMinutes(dump, now);
  if (age < 0) return `by the clock it was taken ${Math.ceil(-age)} minutes in the future`;
  return age > maxAgeMinutes ? `it is older than ${maxAgeMinutes} minutes` : undefined;
}

/**
 * Minutes since it was complete: a dump that takes hours would otherwise never be young. Negative when the
 * clock was set back. Within one boot the clock cannot make it younger than it is.
 */
export function ageMinutes(dump: Pick<PgDump, 'takenAt' | 'endedAt' | 'boot'>, now: Date): number {
  const byClock = (now.getTime() - Date.parse(dump.endedAt ?? dump.takenAt)) / 60_000;
  if (byClock < 0 || dump.boot?.id !== bootId()) return byClock;
  return Math.max(byClock, (uptimeSeconds() - dump.boot.uptimeSeconds) / 60);
}
