import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type PgDump, pgDumpSchema } from '../../backup/dump-record.ts';
import { chartSwapResult, snapshotResult } from '../../backup/upgrade-results.ts';
import { wayBackOf } from '../../backup/way-back.ts';
import { type Restored, restoresIn } from '../../engine/restores.ts';
import { isUnfinished } from '../../engine/run-record.ts';
import type { State } from '../../engine/state.ts';
import type { JsonObject } from '../../engine/step.ts';
import { sameRecordedVersion } from '../../version.ts';

/** A state of the product that can be brought back: a dump, and the release that it belongs to. */
export interface RestorePoint {
  /** Undefined where the upgrade was made without one. */
  dump: PgDump | undefined;
  /** The release of the dump; null: not recorded. */
  version: string | null;
  /** Folder of its snapshot: state, values and overlay. Undefined where none was kept. */
  snapshot: string | undefined;
  /** Folder of its chart. */
  chart: string | undefined;
}

/** The way back over the last change of version, completed or not; undefined where there was none. */
export function usualPoint(state: State, chartFolder: string): RestorePoint | undefined {
  const { run, installed } = state;
  if (run?.flow === 'upgrade' && isUnfinished(run) && run.pointOfNoReturn !== undefined) {
    const { restore, from, snapshot, chart } = wayBackOf(state);
    return { dump: restore, version: from, snapshot, chart: chart ?? chartIn(snapshot, chartFolder) };
  }
  const others = anchorsOf(state, chartFolder).filter(
    ({ version }) => installed === undefined || !sameRecordedVersion(version, installed.version),
  );
  return newest(others);
}

/** The way back whose dump this is; undefined where it is no anchor. */
export const pointOf = (state: State, dump: PgDump, chartFolder: string): RestorePoint | undefined =>
  [
    usualPoint(state, chartFolder),
    ...anchorsOf(state, chartFolder).map(({ point }) => point),
    ...restoresIn(state).map((one) => restoredPoint(one, chartFolder)),
  ].find((point) => point?.dump?.path === dump.path);

/** What a restore found, and what it has kept of its release. */
function restoredPoint(restored: Restored, chartFolder: string): RestorePoint {
  const kept = restored.kept ?? undefined;
  const dump = pgDumpSchema.safeParse(restored.pgDump).data;
  const version = restored.before?.version ?? null;
  return { dump, version, snapshot: kept, chart: chartIn(kept, chartFolder) };
}

/** The newest chart of that release that an upgrade has kept. */
export const pointWithChart = (
  state: State,
  version: string,
  chartFolder: string,
): RestorePoint | undefined =>
  newest(
    anchorsOf(state, chartFolder).filter(
      (one) => sameRecordedVersion(one.version, version) && one.point.chart !== undefined,
    ),
  );

const newest = (anchors: readonly { at: string; point: RestorePoint }[]): RestorePoint | undefined =>
  anchors.toSorted((a, b) => (a.at < b.at ? -1 : 1)).at(-1)?.point;

function anchorsOf(state: State, chartFolder: string) {
  return Object.entries(state.anchors).flatMap(([version, { at, derived, earlier = [] }]) =>
    [{ at, derived }, ...earlier].map((one) => ({
      at: one.at,
      version,
      point: pointIn(version, one.derived, chartFolder),
    })),
  );
}

function pointIn(version: string, derived: JsonObject, chartFolder: string): RestorePoint {
  const snapshot = snapshotResult.out.safeParse(derived).data?.snapshot.folder;
  const chart = chartSwapResult.out.safeParse(derived).data?.previousChart ?? undefined;
  const dump = pgDumpSchema.safeParse(derived['pgDump']).data;
  return { dump, version, snapshot, chart: chart ?? chartIn(snapshot, chartFolder) };
}

function chartIn(snapshot: string | undefined, chartFolder: string): string | undefined {
  if (snapshot === undefined) return undefined;
  const path = join(snapshot, chartFolder);
  return existsSync(path) ? path : undefined;
}
