import { notDumped } from '../../backup/dump-files.ts';
import { leftBy } from '../../backup/scratch-name.ts';
import { IvaapError } from '../../errors.ts';
import type { UninstallFindings } from '../../release/uninstall-context.ts';
import type { Session } from '../../session/session.ts';

/** Those that go with the data: the folder stays where it, or its volume, is others'. */
const databasesThatGo = ({ database, heldByOthers, data }: UninstallFindings): string[] =>
  database.known && database.value !== null && !heldByOthers && data.target === undefined
    ? database.value.others
    : [];

/** The last dump is of one database; the others of its server would be lost with the folder. */
export function refuseOtherDatabases({ again, program }: Session, found: UninstallFindings): void {
  const others = databasesThatGo(found);
  const [first] = others;
  if (first === undefined) return;
  const moved = others.some((name) => leftBy(name) === 'moved');
  throw new IvaapError(
    'preflight',
    `the data folder holds more than the last dump would (${notDumped(others)}), and all of it would be ` +
      'deleted',
    {
      hint: [
        `to keep the data: ${again({ add: ['--keep-data'] })}`,
        ...(moved
          ? [`to look at what a restore moved aside, and delete it: ${program} restore --discard`]
          : []),
        `to remove all of them without any dump: ${again({ add: ['--skip-backup'] })}`,
      ].join('\n'),
    },
  );
}

/** Without a last dump they go as well. */
export const notesOfDatabases = (found: UninstallFindings): string[] => {
  const others = databasesThatGo(found);
  return others.length === 0 ? [] : [`deleted with the data, ${notDumped(others)}`];
};
