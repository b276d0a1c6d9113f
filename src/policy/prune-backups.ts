/** A backup, as far as its removal is decided from it. */
export interface PrunableBackup {
  takenAt: string;
  /** Taken by hand, and recorded as ours. */
  ours: boolean;
  /** The way back of a version. */
  anchor: boolean;
  /** Its file is there as it was written. */
  whole: boolean;
  verified: boolean;
}

export interface PruneLimits {
  keepCount: number;
  keepDays: number;
}

/**
 * Which backups may be removed: neither among the newest so many, nor younger than so many days. Never an
 * anchor, never one that is not proved ours, and none at all while the newest whole one was not restored for
 * a try: it may be the only one that helps. `unverified` is that newest one then.
 */
export function prunable<T extends PrunableBackup>(
  backups: readonly T[],
  { keepCount, keepDays }: PruneLimits,
  now: Date,
): { remove: T[]; unverified?: T } {
  const newestFirst = backups.toSorted((a, b) => (a.takenAt < b.takenAt ? 1 : -1));
  const newest = newestFirst.find(({ whole }) => whole);
  const byHand = newestFirst.filter(({ ours, anchor }) => ours && !anchor);
  const kept = new Set(byHand.filter(({ whole }) => whole).slice(0, keepCount));
  const oldest = now.getTime() - keepDays * 86_400_000;
  const remove = byHand.filter((one) => one !== newest && !kept.has(one) && Date.parse(one.takenAt) < oldest);
  if (newest === undefined || remove.length === 0) return { remove: [] };
  return newest.verified ? { remove } : { remove: [], unverified: newest };
}
