import type { PgDump } from './dump-record.ts';
import { asRoot, shellWord } from '../shell-word.ts';
import { oldFileCommands } from './restore-script.ts';

/**
 * The commands that restore a dump, as lines for people. They are made from the record alone, so they can be
 * printed again at any time. `release` is the dumped release.
 */
export function wayBack(dump: PgDump, release: string): string[] {
  const { restoreScript: script } = dump;
  if (script === undefined) return [`How to restore it by hand: "Going back" in docs/operators.md`];
  const { install, repair } = oldFileCommands(release, dump.installedBy);
  return [
    `To go back to ${release}, with the database as it was at ` +
      `${dump.takenAt} (the current one is kept under another name):`,
    `  ${asRoot(`sh ${shellWord(script)}`)}`,
    `It stops everything that uses the database, restores it and prints the next step. It may be run again.`,
    `Once the database is restored, run the file of ${release} to bring its release back: pods, ` +
      'chart and values. The file of the new release would migrate the database again.',
    `  ${install}`,
    'If that says that a newer release is installed, run this first. It ' +
      'compares the state with what runs, and asks before it writes:',
    `  ${repair}`,
  ];
}
