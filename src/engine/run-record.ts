import type { RunRecord, State, StepRecord } from './state.ts';
import type { JsonObject } from './step.ts';
import { recordOf, sameRecordedVersion } from '../version.ts';

/** What a run is; `id` is given by the journal. */
export interface RunSpec {
  flow: string;
  from: string | null;
  to: string;
  payloadDigest: string;
  /** Path of the executable that is running. */
  binary: string;
  /** What resumes it, as it was typed, with the executable's path. */
  again?: string;
  /** SUDO_USER. */
  startedBy?: string;
  /** What the operator answered. */
  answers?: JsonObject;
  /** Fingerprint of the key that signed the payload; null when it is unsigned. */
  key?: string | null;
}

const keptHistory = 50;

/** Whether the same command resumes it. */
export function isUnfinished({ status }: Pick<RunRecord, 'status'>): boolean {
  return status === 'running' || status === 'failed';
}

/** Whether a run of this kind resumes the last one, instead of starting again. */
export function resumable(
  last: Readonly<RunRecord> | undefined,
  spec: Pick<RunSpec, 'flow' | 'payloadDigest' | 'from'>,
  fresh: boolean,
): boolean {
  if (last === undefined || fresh || !isUnfinished(last)) return false;
  const isSame = last.flow === spec.flow && last.payloadDigest === spec.payloadDigest;
  return isSame && sameRecordedVersion(last.from, spec.from);
}

/** Puts an unfinished run to work again; `order` may be that of another revision of the graph. */
export function resumeRecord(
  run: RunRecord,
  { to, binary, again, key, answers }: RunSpec,
  order: readonly string[],
): void {
  run.status = 'running';
  // The same version, as this program spells it: an older one kept the spelling of its package.
  run.to = to;
  run.binary = binary;
  if (again !== undefined) run.again = again;
  if (key !== undefined) run.key = key;
  if (answers !== undefined) run.answers = answers;
  run.order = [...order];
  delete run.error;
  delete run.finishedAt;
}

interface Start {
  spec: RunSpec;
  order: readonly string[];
  now: string;
  /** Keys of `derived`. */
  clears: readonly string[];
  suspends: Suspends | undefined;
}

/**
 * The last run is not closed: `undoes`: the new one undoes its steps, and nothing is completely installed
 * meanwhile; `replaces`: it is the last run again where the new one is given up before it changes anything.
 */
export type Suspends = 'undoes' | 'replaces';

/** `20260131T235959Z-upgrade`, of the time that is recorded with the run. */
export const runId = (at: string, flow: string): string => `${at.replaceAll(/[-:]|\.\d+/g, '')}-${flow}`;

/**
 * Starts a new run and closes the last one. Of an unfinished one from the same version it takes over what
 * must stay known until a run completes: that its point of no return was passed, and how the host was before.
 */
export function startRecord(draft: State, { spec, order, now, clears, suspends }: Start): void {
  const last = draft.run;
  const record: RunRecord = {
    id: runId(now, spec.flow),
    ...spec,
    startedAt: now,
    status: 'running',
    order: [...order],
    steps: {},
  };
  // Two runs within one second: the id names a log file and must be new.
  if ([...(last === undefined ? [] : [last]), ...draft.history].some(({ id }) => id === record.id))
    record.id += `-${draft.history.length + 2}`;
  if (suspends !== undefined && last !== undefined && draft.suspended === undefined)
    suspend(draft, last, now, suspends);
  else if (last !== undefined) {
    const unfinished = isUnfinished(last);
    if (unfinished && sameRecordedVersion(last.from, spec.from)) {
      const { pointOfNoReturn: point, originals } = last;
      if (point !== undefined) record.pointOfNoReturn = { ...point, versions: point.versions ?? [last.to] };
      if (originals !== undefined) record.originals = originals;
    }
    const status = unfinished ? 'superseded' : last.status;
    keepInHistory(draft, { ...last, status, finishedAt: last.finishedAt ?? now });
  }
  for (const key of clears) delete draft.derived[key];
  draft.run = record;
}

function suspend(draft: State, last: RunRecord, now: string, how: Suspends): void {
  const status = isUnfinished(last) ? 'failed' : last.status;
  draft.suspended = { ...last, status, finishedAt: last.finishedAt ?? now };
  if (how === 'replaces') return;
  // Until the first step is undone it still is what is installed.
  if (draft.installed !== undefined) draft.suspended.installed = draft.installed;
  delete draft.installed;
}

/**
 * The first time since a run last completed, the outs of the completed steps become the anchor of the
 * from-version. A re-run finds it there and leaves it; that of an earlier upgrade from the same version is
 * kept next to it.
 */
export function passPointOfNoReturn(
  draft: State,
  run: RunRecord,
  { at, step, data }: { at: string; step: string; data: JsonObject },
): void {
  const first = run.pointOfNoReturn === undefined;
  const point = (run.pointOfNoReturn ??= { at, step, data, versions: [] });
  const started = point.versions ?? [];
  const isKnown = started.some((version) => sameRecordedVersion(version, run.to));
  point.versions = isKnown ? started : [...started, run.to];
  run.noReturnAt ??= at;
  if (run.from === null) return;
  const [key = run.from, before] = recordOf(draft.anchors, run.from) ?? [];
  if (before !== undefined && !first) return;
  // This run's own results only: `derived` may still point to the dump of an earlier upgrade.
  const derived: JsonObject = {};
  for (const { status, out } of Object.values(run.steps)) {
    if (status === 'completed') Object.assign(derived, out);
  }
  const anchor = { at, run: run.id, derived };
  if (before === undefined) draft.anchors[key] = anchor;
  else {
    const { earlier = [], ...latest } = before;
    draft.anchors[key] = { ...anchor, earlier: [...earlier, latest] };
  }
}

/**
 * The release is installed. Where a step was waived it is not proved that it works, and all anchors are kept;
 * otherwise those of other versions than `from` have served their time.
 */
export function completeRecord(draft: State, run: RunRecord, now: string): void {
  draft.installed = {
    version: run.to,
    payloadDigest: run.payloadDigest,
    completedAt: now,
    binary: run.binary,
    key: run.key,
  };
  const waived = waivedSteps(run);
  if (waived.length > 0) draft.installed.waived = waived;
  if (sameRecordedVersion(run.from, run.to) || waived.length > 0) return;
  for (const version of Object.keys(draft.anchors)) {
    if (!sameRecordedVersion(version, run.from)) delete draft.anchors[version];
  }
}

/** Steps of a run that has completed which were waived. */
export const waivedSteps = ({ steps }: Pick<RunRecord, 'steps'>): { step: string; reason: string }[] =>
  Object.entries(steps).flatMap(([step, { status, waived: reason }]) =>
    status === 'completed' && reason !== undefined ? [{ step, reason }] : [],
  );

/** What completed earlier is outdated by a step that it needs. */
export function markStale(run: RunRecord, ids: Iterable<string>): void {
  for (const id of ids) {
    const step: StepRecord | undefined = run.steps[id];
    if (step?.status === 'completed') step.status = 'stale';
  }
}

/** Puts what stays known of a run that is over behind the earlier ones, of which the newest are kept. */
export function keepInHistory(draft: State, run: State['history'][number] & { end?: string }): void {
  const { id, flow, from, to, payloadDigest, startedAt, finishedAt, startedBy, status, end } = run;
  draft.history.push({
    id,
    flow,
    from,
    to,
    payloadDigest,
    startedAt,
    finishedAt,
    status,
    startedBy,
    end,
  });
  draft.history = draft.history.slice(-keptHistory);
}
