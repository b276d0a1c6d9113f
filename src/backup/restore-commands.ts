import type { PgDump } from './dump-record.ts';

/**
 * What brings the database back to a dump, as lines for people: made from the record alone, so that it can be told again at any time.
 * `release` is the one that the dump was taken of.
 */
export function wayBack(dump: PgDump, release: string): string[] {
  const { restoreScript: script } = dump;
  if (script === undefined) return [`How to restore it by hand: "Going back" in docs/operators.md`];
  return [
    `To go back to ${release}, with the database as it was at ${dump.takenAt} (the one of now is kept under another name):`,
    `  sh ${script}`,
    `It stops what works with the database, restores it and says what follows; it may be started again.`,
  ];
}
