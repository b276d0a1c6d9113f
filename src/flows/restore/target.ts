import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import { isThere } from '../../backup/kept-dump.ts';
import { pgDumpSchema } from '../../backup/dump-record.ts';
import { movedDatabases } from '../../backup/moved-databases.ts';
import { foldersIn, movedIn, type Restored } from '../../engine/restores.ts';
import { isUnfinished } from '../../engine/run-record.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { foreign } from '../../foreign.ts';
import { sameRecordedVersion } from '../../version.ts';
import { recordedTarget, type RestoreTarget } from '../../release/restore-record.ts';
import type { Session } from '../../session/session.ts';
import { shellWord } from '../../shell-word.ts';
import { unfinishedRestore } from '../unfinished-restore.ts';
import { chartBack, chartTarget } from './chart-target.ts';
import { dataAlone, fileTarget, refuseUnfit, releaseStays } from './file-target.ts';
import { folderBack, folderGone, isFolderThere, onlyItsFolder } from './folder-target.ts';
import { type Host, type Installed, keptRelease, pointFor } from './kept-release.ts';
import type { RestoreOptions } from './options.ts';
import { usualPoint } from './point.ts';

/** What a restore is to bring back, and what the operator should know of that. */
interface Chosen {
  target: RestoreTarget;
  notes: string[];
}

/** Throws where there is nothing to bring back, or something of it was not kept. */
export async function chooseTarget(
  session: Session,
  options: RestoreOptions,
  { state, installed }: { state: State; installed: Installed },
): Promise<Chosen> {
  const before = releaseNow(state, installed);
  // What a restore that was cut off has left is judged like what it started from.
  const last = unfinishedRestore(state) === undefined ? state : { ...state, run: state.suspended };
  if (options.undo) {
    const named = options.backup;
    return { target: await undoTarget(session, { state, installed, before, named }), notes: [] };
  }
  const host = { state: last, installed, before };
  if (options.chartOnly) return { target: await chartTarget(session, options, host), notes: [] };
  const { file } = options;
  return file === undefined
    ? await backupTarget(session, options, host)
    : fileTarget(session, { ...options, file }, host);
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

const withDatabase = { file: false, chartOnly: false, schemaWas: null, folder: null };

async function backupTarget(
  session: Session,
  { backup, dataOnly }: RestoreOptions,
  { state, installed, before }: Host,
): Promise<Chosen> {
  const { program, again } = session;
  const point = await pointFor(session, state, backup);
  const { dump } = point;
  const list = `${program} backup list`;
  const folder = dataOnly ? undefined : await folderBack(state, point.version);
  if (folder !== undefined) {
    const usual = usualPoint(state, session.product.chart.folder);
    if (backup !== undefined && dump?.path !== usual?.dump?.path)
      throw onlyItsFolder(session, point.version, folder);
    if (!(await isFolderThere(folder))) throw folderGone(session, point.version, folder);
    const kept = await keptRelease(session, point, { state, installed });
    if (kept === undefined) throw chartNotKept(point.version, again);
    const common = { ...withDatabase, undo: false, dump: dump ?? null, moved: null, roles: null };
    return { target: { ...common, folder, dataOnly: false, ...kept, before }, notes: [] };
  }
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
  const common = { ...withDatabase, undo: false, dump, moved: null, roles: dump.folder };
  const isSame = sameRecordedVersion(point.version, before.version);
  if (dataOnly || isSame) return { target: { ...common, ...dataAlone(installed) }, notes: [] };
  const kept = await keptRelease(session, point, { state, installed });
  if (kept !== undefined) return { target: { ...common, dataOnly: false, ...kept, before }, notes: [] };
  // Without a name it is a release that is asked for.
  if (backup === undefined) throw chartNotKept(point.version, again);
  await refuseUnfit(session, { dump, version: point.version }, installed.version);
  const notes = [releaseStays(point.version, installed)];
  return { target: { ...common, ...dataAlone(installed) }, notes };
}

const chartNotKept = (version: string | null, again: Session['again']) =>
  new IvaapError(
    'failed',
    `the chart of ${version ?? 'the release of that backup'} was not kept on this host`,
    { hint: `to bring back the data alone: ${again({ add: ['--data-only'] })}` },
  );

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

interface Undone {
  state: State;
  installed: Installed;
  before: Installed;
  /** Of the database that was named. */
  named: string | undefined;
}

async function undoTarget(session: Session, undone: Undone): Promise<RestoreTarget> {
  const { state, installed, before, named } = undone;
  if (named !== undefined) {
    const record = foldersIn(state).find(({ folder }) => isNamed(folder.path, named));
    if (record === undefined) return movedTarget(session, { ...undone, named });
    const back = existsSync(record.folder.path)
      ? folderOf(session, record, record.before ?? installed, before)
      : undefined;
    if (back !== undefined) return back;
  }
  const { program } = session;
  const { run, restored } = state;
  const [other] = movedIn(state).map(({ moved }) => `${program} restore --undo ${moved}`);
  const nothing = (message: string) =>
    new IvaapError('nothing_to_do', message, { hint: other ?? `${program} backup list` });
  const isChart = restored?.chartOnly === true && restored.kept !== null;
  const folder = restored?.folder ?? null;
  if (restored === undefined || (restored.moved === null && folder === null && !isChart))
    throw nothing('no restore on this host can be taken back');
  if (restored.discardedAt !== undefined)
    throw nothing(`the database from before the restore was discarded ${restored.discardedAt}`);
  const isSince = run?.flow === 'upgrade' && run.startedAt > restored.at;
  const isOther =
    unfinishedRestore(state) === undefined && !sameRecordedVersion(installed.version, restored.version);
  if (isSince || isOther) {
    const stays = restored.moved === null ? '' : `; its database stays as ${restored.moved}`;
    throw new IvaapError(
      'version',
      `an upgrade was started since the restore of ${restored.at}: it cannot be taken back any more${stays}`,
      {
        hint:
          `the way back over the upgrade: ${program} restore` +
          (restored.moved === null || other === undefined ? '' : `; to that database all the same: ${other}`),
      },
    );
  }
  const { moved, kept } = restored;
  const release = restored.before ?? installed;
  if (folder !== null && !(await isFolderThere(folder)))
    throw nothing(`the data folder ${folder.path} is not there any more`);
  const back = folderOf(session, restored, release, before);
  if (back !== undefined) return back;
  if (moved === null) return chartBack(session.product.chart.folder, { kept: kept ?? '', release, before });
  if (!(await isMoved(session, moved)))
    throw nothing(`the database ${moved} from before the restore is not there any more`);
  return movedBack(session, { ...restored, moved, release, before });
}

const isNamed = (path: string, named: string): boolean => path === named || basename(path) === named;

/** The data folder that a restore has moved aside, with chart and values of its release. */
function folderOf(
  { product }: Session,
  { folder, kept }: Pick<Restored, 'folder' | 'kept'>,
  release: Installed,
  before: Installed,
): RestoreTarget | undefined {
  if (folder == null || kept === null) return undefined;
  const { path, live, major } = folder;
  const common = { ...withDatabase, undo: true, dataOnly: false, dump: null, moved: null, roles: null };
  const chart = join(kept, product.chart.folder);
  return { ...common, folder: { path, live, major }, release, chart, files: kept, before };
}

async function isMoved(session: Session, name: string): Promise<boolean> {
  const tools = await session.tools();
  const found = await movedDatabases({ ...tools, product: session.product }, session.signal);
  return found.some((one) => one.name === name);
}

/** A moved database with what was kept of its release; the data alone where that was left as it was. */
function movedBack(
  { product }: Session,
  {
    moved,
    kept,
    pgDump,
    release,
    before,
  }: Restored & { moved: string; release: Installed; before: Installed },
): RestoreTarget {
  const chart = kept === null ? null : join(kept, product.chart.folder);
  const roles = pgDumpSchema.safeParse(pgDump).data?.folder ?? null;
  const common = { ...withDatabase, undo: true, dataOnly: kept === null, dump: null };
  return { ...common, release, moved, roles, chart, files: kept, before };
}

/**
 * The database of that name, whichever restore has moved it. The data alone come back only where the release
 * that stays works with their schema as it is.
 */
async function movedTarget(
  session: Session,
  { state, installed, before, named }: Undone & { named: string },
): Promise<RestoreTarget> {
  const { program, product, signal } = session;
  if (!(await isMoved(session, named))) {
    throw new IvaapError('usage', `no restore has moved ${foreign(named)} aside`, {
      hint: `those that there are: ${program} status`,
    });
  }
  const record = movedIn(state).find(({ moved }) => moved === named);
  if (record !== undefined && record.kept !== null)
    return movedBack(session, { ...record, release: record.before ?? installed, before });
  const { database } = await session.tools();
  const query = product.database.schemaVersionQuery;
  const [has, now] = [
    await database.on(named).schemaVersion(query, signal),
    await database.schemaVersion(query, signal),
  ];
  const isItsRelease =
    record?.before !== undefined && sameRecordedVersion(record.before.version, installed.version);
  if (has !== now && !isItsRelease) {
    const withRelease = movedIn(state).find(
      ({ kept, before: of }) => kept !== null && of !== undefined && of.version === record?.before?.version,
    );
    throw new IvaapError(
      'version',
      `${named} has schema version ${has}, and no chart was kept with it: ${installed.version} stays, and ` +
        `works with ${now}. Nothing was changed`,
      {
        hint:
          withRelease === undefined
            ? `a backup of its release, with its chart: ${program} backup list`
            : 'its release first, with the database of then: ' +
              `${program} restore --undo ${withRelease.moved}; then ${session.again()}`,
      },
    );
  }
  const none = { kept: null, pgDump: null, ...record } as Restored;
  return movedBack(session, { ...none, moved: named, release: installed, before: installed });
}
