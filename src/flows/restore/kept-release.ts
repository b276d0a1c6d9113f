import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { restoresIn } from '../../engine/restores.ts';
import { parseState, type State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { sameRecordedVersion } from '../../version.ts';
import { knownBackups, namedBackup } from '../../queries/backup-list.ts';
import type { RestoreTarget } from '../../release/restore-record.ts';
import type { Session } from '../../session/session.ts';
import { pointOf, pointWithChart, type RestorePoint, usualPoint } from './point.ts';

export type Installed = NonNullable<State['installed']>;

/** What is there; `before` is the release of the database. */
export interface Host {
  state: State;
  installed: Installed;
  before: Installed;
}

/** By the name of a backup, or the way back over the last change of version. */
export async function pointFor(
  session: Session,
  state: State,
  backup: string | undefined,
): Promise<RestorePoint> {
  const { program, product } = session;
  const { folder } = product.chart;
  const list = `${program} backup list`;
  if (backup === undefined) {
    const found = usualPoint(state, folder);
    if (found !== undefined) return found;
    throw new IvaapError('nothing_to_do', nothingChanged(state), {
      hint: `${list}, then: ${program} restore NAME`,
    });
  }
  const { dump, entry } = namedBackup(await knownBackups(session, state), backup, list);
  const { release } = entry;
  const own = pointOf(state, dump, folder);
  if (own !== undefined) return own;
  const kept = release === null ? undefined : pointWithChart(state, release, folder);
  return { dump, version: release, snapshot: kept?.snapshot, chart: kept?.chart };
}

function nothingChanged({ restored, installed }: State): string {
  if (restored === undefined || restored.undo)
    return `no upgrade has changed ${installed?.version ?? 'this host'} that could be taken back`;
  const { at, version, chartOnly } = restored;
  const done =
    chartOnly === true
      ? `${version} was brought back ${at} without its data`
      : `the database was restored ${at}`;
  return `${done}, and no upgrade has changed anything since`;
}

/** The release of a point with its chart and files; undefined where one of them was not kept. */
export async function keptRelease(
  session: Session,
  { version, snapshot, chart }: Omit<RestorePoint, 'dump'>,
  { state, installed }: Pick<Host, 'state' | 'installed'>,
): Promise<Pick<RestoreTarget, 'release' | 'chart' | 'files'> | undefined> {
  if (version === null || chart === undefined || snapshot === undefined) return undefined;
  const before = restoresIn(state).map((one) => one.before);
  const found = [installed, ...before.filter((one) => one !== undefined)];
  const release = await releaseOf(session, snapshot, version, found);
  return release && { release, chart, files: snapshot };
}

/** As it was installed then: as is known, or as the snapshot's own state says it. */
async function releaseOf(
  { paths }: Session,
  snapshot: string | undefined,
  version: string,
  known: readonly Installed[],
): Promise<Installed | undefined> {
  const own = known.find((one) => sameRecordedVersion(one.version, version));
  if (own !== undefined) return own;
  if (snapshot === undefined) return undefined;
  const path = join(snapshot, basename(paths.state));
  try {
    const { installed: then } = parseState(await readFile(path, 'utf8'), path);
    return then !== undefined && sameRecordedVersion(then.version, version) ? then : undefined;
  } catch {
    return undefined;
  }
}
