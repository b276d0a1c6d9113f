import { existsSync } from 'node:fs';
import type { RunRecord, State } from '../engine/state.ts';
import { schemaFingerprint } from '../host/schema-fingerprint.ts';
import type { SchemaAnswer } from '../policy/schema-verdict.ts';
import { recordOf } from '../version.ts';
import { lastResult } from './step-results.ts';
import { type PgDump, pgDumpSchema } from './dump-record.ts';
import { dumpResult, snapshotResult } from './upgrade-results.ts';

/** What there is for the way back from the last recorded run, however it ended. */
export interface WayBack {
  /** The version that it restores. */
  from: string | null;
  /** When Helm first started since a run last completed; undefined before that. */
  helmStartedAt: string | undefined;
  /**
   * Schema version of the database at that time, or of the dump of then where the database did not answer.
   */
  schemaBefore: number | undefined;
  /** The same, with what the schema consisted of: what a later one is compared with. */
  schemaWas: SchemaAnswer;
  /** The dump from before Helm first started, by time and by schema version. */
  before: PgDump | undefined;
  /** A dump that was taken after that. */
  later: PgDump | undefined;
  /** Whether the later one was also taken of the schema from before. */
  laterIsOldSchema: boolean;
  /**
   * The schema had moved, and the later dump is of the earlier schema again: the database was restored in
   * between.
   */
  restored: boolean;
  /** The dump that brings the old version back with the most data. */
  restore: PgDump | undefined;
  /** Folders of the snapshots from before Helm first started, and of one that was taken after that. */
  snapshot: string | undefined;
  laterSnapshot: string | undefined;
  /** The chart of the old version, as it was before the first unfinished run replaced it. */
  chart: string | undefined;
  /** Sealed backup folders: nothing more is written there. */
  anchored: string[];
  /** The dump of this run, whenever it was taken. */
  own: PgDump | undefined;
  /** Who continued without a dump; undefined where there is one from before. */
  skipped: State['skippedBackups'][number] | undefined;
}

/** The one meaning of "before": summary, status, failures and restore all use it. */
export function wayBackOf({
  run,
  anchors,
  skippedBackups,
}: Pick<State, 'run' | 'anchors' | 'skippedBackups'>): WayBack {
  const from = run?.from ?? null;
  const point = run?.pointOfNoReturn;
  const [, anchor] = recordOf(anchors, from) ?? [];
  const kept = point === undefined ? undefined : anchor;
  const own = ownDump(run);
  const ownSnapshot = lastResult(run, snapshotResult)?.snapshot.folder;
  const anchorDump = pgDumpSchema.safeParse(kept?.derived.pgDump).data;
  const anchorSnapshot = snapshotResult.out.safeParse(kept?.derived).data?.snapshot.folder;
  const recorded: unknown = point?.data.schemaVersion;
  const schemaBefore = typeof recorded === 'number' ? recorded : anchorDump?.schemaVersion;
  const dumpBefore = anchorDump?.schemaVersion === schemaBefore ? anchorDump : undefined;
  const before = point === undefined ? own : dumpBefore;
  const later = own?.path === before?.path ? undefined : own;
  const recordedPrint = schemaFingerprint.safeParse(point?.data.schemaFingerprint).data;
  const printBefore = recordedPrint ?? dumpBefore?.schemaFingerprint;
  const laterIsOldSchema =
    later !== undefined &&
    later.schemaVersion === schemaBefore &&
    !holdsHalfMigration(later, printBefore, point?.ends);
  // Attempts that had ended when it was taken: the database was still, or again, of the old version.
  const ended = laterIsOldSchema ? (point?.ends ?? []).filter(({ at }) => at < later.takenAt) : [];
  const snapshot = point === undefined ? ownSnapshot : anchorSnapshot;
  const oldChart = run?.originals?.oldChart;
  const runs = [run?.id, kept?.run];
  return {
    from,
    helmStartedAt: point?.at,
    schemaBefore,
    schemaWas: {
      version: schemaBefore,
      fingerprint: ended.length > 0 ? (differentPrint(later, printBefore) ?? printBefore) : printBefore,
    },
    before,
    later,
    laterIsOldSchema,
    restored: ended.some(({ code }) => code === 'schema_moved'),
    restore: ended.length > 0 ? later : (before ?? (laterIsOldSchema ? later : undefined)),
    snapshot,
    laterSnapshot: ownSnapshot === snapshot ? undefined : ownSnapshot,
    chart: typeof oldChart === 'string' ? oldChart : undefined,
    anchored: [anchorDump?.folder, anchorSnapshot].filter((folder) => folder !== undefined),
    own,
    skipped:
      before === undefined
        ? skippedBackups.findLast((skipped) => runs.includes(skipped.run) && run !== undefined)
        : undefined,
  };
}

/** The later dump's, where it is not the one from before. */
const differentPrint = (later: PgDump | undefined, before: PgDump['schemaFingerprint']) =>
  later?.schemaFingerprint?.hash === before?.hash ? undefined : later?.schemaFingerprint;

/**
 * Whether a dump of the version from before may hold a part of a migration. Where the last attempt before it
 * had proved the schema unchanged, what differs was changed since, and by others.
 */
function holdsHalfMigration(
  later: PgDump,
  before: PgDump['schemaFingerprint'],
  ends: readonly { at: string; code: string }[] = [],
): boolean {
  if (before === undefined || differentPrint(later, before) === undefined) return false;
  return ends.findLast(({ at }) => at < later.takenAt)?.code !== 'rolled_back';
}

/**
 * This run's dump, also while the step runs again, and where an attempt was interrupted after the dump was
 * complete.
 */
function ownDump(run: Readonly<RunRecord> | undefined): PgDump | undefined {
  const step = run?.steps[dumpResult.id];
  const cutOff = step?.out === undefined ? step?.recorded?.pgDump : undefined;
  return cutOff === undefined ? lastResult(run, dumpResult)?.pgDump : pgDumpSchema.safeParse(cutOff).data;
}

/** A dump, with what distinguishes it from another one. */
export function dumpText(
  { path, takenAt, schemaVersion }: PgDump,
  helmStartedAt: string | undefined,
): string {
  const when =
    helmStartedAt === undefined
      ? ''
      : takenAt > helmStartedAt
        ? ', after Helm had started'
        : ', before Helm started';
  return `${path} (taken ${takenAt}${when}; schema version ${schemaVersion})`;
}

/** The dumps for the way back, as a failure and `status` print them. */
export function dumpLines({ restore, before, later, helmStartedAt }: WayBack): string[] {
  const there = (path: string) => (existsSync(path) ? '' : ' (missing now)');
  const others = [before, later].flatMap((dump) =>
    dump === undefined || dump.path === restore?.path ? [] : [dump],
  );
  return [
    ...(restore === undefined
      ? ['There is no dump from before this upgrade.']
      : [`Dump from before: ${restore.path}${there(restore.path)}`, `SHA-256: ${restore.sha256}`]),
    ...others.map((dump) => `Other dump: ${dumpText(dump, helmStartedAt)}${there(dump.path)}`),
  ];
}
