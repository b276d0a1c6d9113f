import { existsSync } from 'node:fs';
import { switchId } from '../../backup/upgrade-results.ts';
import { isUnfinished } from '../../engine/run-record.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { sameRecordedVersion } from '../../version.ts';
import { recordedNames } from '../../release/data-folders.ts';
import { majorInFolder } from '../../release/kept-data.ts';
import type { RestoreTarget } from '../../release/restore-record.ts';
import type { Session } from '../../session/session.ts';
import { shellWord } from '../../shell-word.ts';

type Folder = NonNullable<RestoreTarget['folder']>;
type Said = Pick<Session, 'again' | 'program'>;

/**
 * The data folder of a release that works with another major version of PostgreSQL than what is live, or is
 * about to be: without it that release cannot come back. Undefined where it needs none.
 */
export async function folderBack(
  { dataFolders = [], run }: State,
  version: string | null,
): Promise<Folder | undefined> {
  const found = dataFolders.findLast((one) => sameRecordedVersion(one.version, version));
  if (found === undefined) return undefined;
  const { path, live, major } = found;
  const isBegun =
    run?.flow === 'upgrade' && isUnfinished(run) && recordedNames(run, switchId)?.outgoing === path;
  return isBegun || (await majorInFolder(live)) !== major ? { path, live, major } : undefined;
}

/** Where it was put aside, or in the live place still: the upgrade was cut off before it was moved. */
export const isFolderThere = async ({ path, live, major }: Folder): Promise<boolean> =>
  existsSync(path) || (await majorInFolder(live)) === major;

const dataOnly = ({ again }: Said) => `to bring back the data alone: ${again({ add: ['--data-only'] })}`;

const works = (version: string | null, { major }: Folder) =>
  `${version ?? 'that release'} works with PostgreSQL ${major}, and the data are of another major version`;

export const onlyItsFolder = (session: Said, version: string | null, folder: Folder) =>
  new IvaapError('version', `${works(version, folder)}: it comes back with its own data folder only`, {
    hint: `to bring that back: ${session.program} restore\n${dataOnly(session)}`,
  });

export const folderGone = (session: Said, version: string | null, folder: Folder) =>
  new IvaapError(
    'version',
    `${works(version, folder)}: its own data folder ${folder.path} is not there any more. ` +
      'Nothing was changed',
    { hint: `ls -ld ${shellWord(folder.live)}*\n${dataOnly(session)}` },
  );
