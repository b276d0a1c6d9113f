import type { PgDump } from './dump-record.ts';
import { shellWord } from '../shell-word.ts';
import { oldFileCommands } from './restore-script.ts';

/**
 * What brings the database back to a dump, as lines for people: made from the record alone, so that it can be told again at any time.
 * `release` is the one that the dump was taken of.
 */
export function wayBack(dump: PgDump, release: string): string[] {
  const { restoreScript: script } = dump;
  if (script === undefined) return [`How to restore it by hand: "Going back" in docs/operators.md`];
  const { install, repair } = oldFileCommands(release, dump.installedBy);
  return [
    `To go back to ${release}, with the database as it was at ${dump.takenAt} (the one of now is kept under another name):`,
    `  sh ${shellWord(script)}`,
    `It stops what works with the database, restores it and says what follows; it may be started again.`,
    `Once the database is restored, the file of ${release} brings its release back: pods, chart and values. The file of the new release would move the database again.`,
    `  sudo ${install}`,
    `Where that says that a newer release is installed, this first; it compares the state with what runs, and asks before it writes:`,
    `  sudo ${repair}`,
  ];
}
