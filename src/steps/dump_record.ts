import * as z from 'zod';
import { bootId, uptimeSeconds } from '../host/system.ts';
import { isSealed } from './backup_folder.ts';
import type { UpgradeContext } from './context.ts';

/** Of `pgDump` in the state: the dump of the database from before the upgrade. */
export const pgDumpSchema = z.looseObject({
  folder: z.string(),
  path: z.string(),
  sizeBytes: z.int(),
  sha256: z.string(),
  rows: z.int(),
  /** Owner of the database, for the commands that restore it. */
  owner: z.string(),
  schemaVersion: z.int(),
  /** When it was begun: what it holds is the database of then. */
  takenAt: z.string(),
  /** When it was whole; absent in older records. */
  endedAt: z.string().optional(),
  /** The same by the machine's own count, which no change of the clock moves. */
  boot: z.looseObject({ id: z.string(), uptimeSeconds: z.number() }).optional(),
  tables: z.record(z.string(), z.int()).optional(),
  /** Program that brings the database back to it; absent in older records. */
  restoreScript: z.string().optional(),
  /** File that installed the release that it was taken of: what brings that one back; absent where nobody recorded it. */
  installedBy: z.string().optional(),
  /** Other databases of the same server, which are not in it. */
  otherDatabases: z.array(z.string()).optional(),
});

export type PgDump = z.infer<typeof pgDumpSchema>;

/**
 * Why a whole dump is no backup of what is there now. Once Helm has started it is the one from before, which stays as it is: another
 * one is taken beside it.
 */
export function uselessness(
  { product, run, now }: Pick<UpgradeContext, 'product' | 'run' | 'now'>,
  dump: PgDump,
): string | undefined {
  // The state may be older than the folder: that it was sealed says the same.
  if (run()?.noReturnAt !== undefined || isSealed(dump.folder)) return 'Helm has started since it was taken';
  const { maxAgeMinutes } = product.backup;
  const age = ageMinutes(dump, now());
  if (age < 0) return `the clock says that it was taken ${Math.ceil(-age)} minutes from now`;
  return age > maxAgeMinutes ? `it is older than ${maxAgeMinutes} minutes` : undefined;
}

/**
 * Since it was whole: one of hours would never be young otherwise. Negative when the clock was set back behind its time. Within one boot
 * the clock cannot make it younger than it is.
 */
export function ageMinutes(dump: Pick<PgDump, 'takenAt' | 'endedAt' | 'boot'>, now: Date): number {
  const byClock = (now.getTime() - Date.parse(dump.endedAt ?? dump.takenAt)) / 60_000;
  if (byClock < 0 || dump.boot?.id !== bootId()) return byClock;
  return Math.max(byClock, (uptimeSeconds() - dump.boot.uptimeSeconds) / 60);
}
