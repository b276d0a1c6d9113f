import { readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { isThere } from '../../backup/kept-dump.ts';
import { pgDumpSchema } from '../../backup/dump-record.ts';
import { movedDatabases } from '../../backup/moved-databases.ts';
import { isUnfinished } from '../../engine/run-record.ts';
import { parseState, type State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { knownBackups, namedBackup } from '../../queries/backup-list.ts';
import { sameRecordedVersion } from '../../policy/version.ts';
import { recordedTarget, type RestoreTarget } from '../../release/restore-record.ts';
import type { Session } from '../../session/session.ts';
import { shellWord } from '../../shell-word.ts';
import { unfinishedRestore } from '../unfinished-restore.ts';
import type { RestoreOptions } from './options.ts';
import { pointOf, pointWithChart, type RestorePoint, usualPoint } from './point.ts';

type Installed = NonNullable<State['installed']>;

/** What a restore is to bring back. Throws where there is nothing, or something of it was not kept. */
export async function chooseTarget(
  session: Session,
  options: RestoreOptions,
  { state, installed }: { state: State; installed: Installed },
): Promise<RestoreTarget> {
  const before = releaseNow(state, installed);
  // What a restore that was cut off has left is judged like what it started from.
  const last = unfinishedRestore(state) === undefined ? state : { ...state, run: state.suspended };
  return options.undo
    ? undoTarget(session, { state, installed, before })
    : backupTarget(session, options, { state: last, installed, before });
}

/**
 * The release that the database which is there now belongs to: what an unfinished restore was to bring back,
 * or what an unfinished upgrade has started Helm for.
 */
function releaseNow(state: State, installed: Installed): Installed {
  const { run } = state;
  if (unfinishedRestore(state) !== undefined) return recordedTarget(run)?.release ?? installed;
  if (run?.flow !== 'upgrade' || !isUnfinished(run) || run.pointOfNoReturn === undefined) return installed;
  const { to: version, payloadDigest, binary, key, finishedAt, startedAt } = run;
  return { version, payloadDigest, binary, key, completedAt: finishedAt ?? startedAt };
}

async function backupTarget(
  session: Session,
  { backup, dataOnly }: RestoreOptions,
  { state, installed, before }: { state: State; installed: Installed; before: Installed },
): Promise<RestoreTarget> {
  const { program, again } = session;
  const point = await pointFor(session, state, backup);
  const { dump } = point;
  const list = `${program} backup list`;
  if (dump === undefined) {
    throw new IvaapError('failed', `no dump was taken of ${point.version ?? 'what was there'} before`, {
      hint: `${list}, then: ${program} restore NAME`,
    });
  }
  if (!isThere(dump)) {
    throw new IvaapError('failed', `${dump.path} is missing, or has not its recorded size`, {
      hint: `ls -l ${shellWord(dump.folder)}`,
    });
  }
  if (backup === undefined) refuseRestored(state, dump.path, { dataOnly, program });
  const common = { undo: false, dump, moved: null, roles: dump.folder };
  const isSame = point.version !== null && sameRecordedVersion(point.version, before.version);
  if (dataOnly || isSame) {
    return { ...common, dataOnly: true, release: installed, chart: null, files: null, before: installed };
  }
  const { version, snapshot, chart } = point;
  const found = [installed, ...(state.restored?.before === undefined ? [] : [state.restored.before])];
  const release = version === null ? undefined : await releaseOf(session, snapshot, version, found);
  if (release === undefined || chart === undefined || snapshot === undefined) {
    throw new IvaapError(
      'failed',
      `the chart of ${version ?? 'the release of that backup'} was not kept on this host`,
      { hint: `to bring back the data alone: ${again({ add: ['--data-only'] })}` },
    );
  }
  return { ...common, dataOnly: false, release, chart, files: snapshot, before };
}

async function pointFor(session: Session, state: State, backup: string | undefined): Promise<RestorePoint> {
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

const nothingChanged = ({ restored, installed }: State): string =>
  restored === undefined || restored.undo
    ? `no upgrade has changed ${installed?.version ?? 'this host'} that could be taken back`
    : `the database was restored ${restored.at}, and no upgrade has changed anything since`;

/** Restoring the same again drops nothing, but takes the product away: it needs the backup's name. */
function refuseRestored(
  { restored, run }: State,
  path: string,
  { dataOnly, program }: { dataOnly: boolean; program: string },
): void {
  if (restored === undefined || restored.undo || restored.dump?.['path'] !== path) return;
  const isWhole = dataOnly || restored.kept !== null;
  const since =
    run !== undefined && run.flow !== 'restore' && (run.finishedAt ?? run.startedAt) > restored.at;
  if (!isWhole || since) return;
  throw new IvaapError('nothing_to_do', `${path} was restored ${restored.at}`, {
    hint: `to restore it again, name it: ${program} backup list, then: ${program} restore NAME`,
  });
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

async function undoTarget(
  session: Session,
  { state, installed, before }: { state: State; installed: Installed; before: Installed },
): Promise<RestoreTarget> {
  const { program } = session;
  const { run, restored } = state;
  const list = `${program} backup list`;
  if (restored === undefined || restored.moved === null) {
    throw new IvaapError('nothing_to_do', 'no restore on this host can be taken back', { hint: list });
  }
  const nothing = (message: string) => new IvaapError('nothing_to_do', message, { hint: list });
  if (restored.discardedAt !== undefined) {
    throw nothing(`the database from before the restore was discarded ${restored.discardedAt}`);
  }
  const isSince = run?.flow === 'upgrade' && run.startedAt > restored.at;
  const isOther =
    unfinishedRestore(state) === undefined && !sameRecordedVersion(installed.version, restored.version);
  if (isSince || isOther) {
    throw new IvaapError(
      'version',
      `an upgrade was started since the restore of ${restored.at}: it cannot be taken back any more`,
      { hint: `the way back over the upgrade: ${program} restore` },
    );
  }
  const tools = await session.tools();
  const ctx = { ...tools, product: session.product, now: () => new Date() };
  const { moved, kept } = restored;
  if (!(await movedDatabases(ctx, session.signal)).some(({ name }) => name === moved))
    throw nothing(`the database ${moved} from before the restore is not there any more`);
  const release = restored.before ?? installed;
  const dataOnly = kept === null;
  const chart = dataOnly ? null : join(kept, session.product.chart.folder);
  const roles = pgDumpSchema.safeParse(restored.pgDump).data?.folder ?? null;
  return { undo: true, dataOnly, release, dump: null, moved, roles, chart, files: kept, before };
}
