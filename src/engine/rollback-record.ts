import { isUnfinished, keepInHistory } from './run-record.ts';
import type { RunRecord, State } from './state.ts';
import type { Undone } from './step.ts';

const undoPrefix = 'undo_';

/** Id of the step that undoes the step `id`. */
export const undoId = (id: string): string => `${undoPrefix}${id}`;

/** Steps of a run that suspends another one which only prepare it: what is installed stays as it is. */
const isPreparing: Record<string, (id: string) => boolean> = {
  rollback: (id) => !id.startsWith(undoPrefix),
  restore: (id) => ['restore_load', 'restore_images', 'restore_pg_backup'].includes(id),
  // It changes nothing of what is installed.
  rehearse: () => true,
};

/** Whether a run that suspends another one is unfinished and has changed nothing: all is as before it. */
export function isIdle({ run, suspended }: Pick<State, 'run' | 'suspended'>): boolean {
  const prepares = isPreparing[run?.flow ?? ''];
  if (run === undefined || run.status === 'completed') return false;
  if (suspended === undefined) return run.flow === 'rehearse';
  // It took the place of another one that had changed something.
  if (run.answers?.['closes'] === true) return false;
  return prepares !== undefined && Object.keys(run.steps).every(prepares);
}

/** The first undo that starts ends what was installed. */
export function beginUndo(draft: State, step: string): void {
  if (step.startsWith(undoPrefix)) delete draft.suspended?.installed;
}

/** A rehearsal that was cut off, and why: nothing is known of its migration. */
export const unended = (
  { id, from, to, payloadDigest, startedBy }: RunRecord,
  why: string,
  at: string,
): NonNullable<State['unendedRehearsal']> => ({
  by: startedBy,
  at,
  run: id,
  from: from ?? '',
  to,
  payloadDigest,
  why,
});

/** The state without such a run, which is over: the one that it suspended is the last run again. */
export function withoutIdleRollback<S extends State | undefined>(state: S): S;
export function withoutIdleRollback(state: State | undefined): State | undefined {
  if (state === undefined || !isIdle(state)) return state;
  const { suspended, run, ...rest } = structuredClone(state);
  if (run === undefined) return state;
  const { installed, ...last } = suspended ?? {};
  const draft: State = rest;
  if (suspended !== undefined) draft.run = last as RunRecord;
  if (installed !== undefined) draft.installed = installed;
  const isOver = run.flow === 'rehearse' && run.status === 'failed';
  if (run.flow === 'rehearse' && !isOver)
    draft.unendedRehearsal = unended(run, 'it was killed', run.startedAt);
  keepInHistory(draft, { ...run, status: isOver ? 'failed' : 'superseded' });
  return draft;
}

/** A step that was undone leaves the suspended run, and with it what it had returned leaves `derived`. */
export function forgetUndone(draft: State, { step, pointOfNoReturn, originals = [] }: Undone): void {
  const { suspended } = draft;
  if (suspended === undefined) return;
  const { out, earlier } = suspended.steps[step] ?? {};
  for (const key of Object.keys(out ?? earlier ?? {})) delete draft.derived[key];
  delete suspended.steps[step];
  if (pointOfNoReturn === true) {
    delete suspended.pointOfNoReturn;
    delete suspended.noReturnAt;
  }
  const isForgotten = (key: string) =>
    originals.some((one) => (one.endsWith('*') ? key.startsWith(one.slice(0, -1)) : key === one));
  for (const key of Object.keys(suspended.originals ?? {}).filter(isForgotten))
    delete suspended.originals?.[key];
}

/** The suspended run is the last one again, without the steps that were undone: it is unfinished. */
export function endRollback(draft: State, run: RunRecord, suspended: RunRecord, now: string): void {
  const undone = run.order.flatMap((id) => (run.steps[id]?.status === 'completed' ? [id] : []));
  const kept = Object.assign({}, ...undone.map((id) => run.steps[id]?.out ?? {}));
  const to = run.answers?.step;
  const record = { run: run.id, at: now, by: run.startedBy, to: String(to ?? ''), undone, kept };
  const { error: _, installed: __, ...rest } = suspended;
  keepInHistory(draft, run);
  draft.run = { ...rest, status: 'failed', rollbacks: [...(suspended.rollbacks ?? []), record] };
  delete draft.suspended;
}

/** The suspended run is the last one again, as unfinished as it was, behind the one that has completed. */
export function leaveSuspended(draft: State): void {
  const { suspended, run } = draft;
  if (suspended === undefined || run === undefined || !isUnfinished(suspended)) return;
  keepInHistory(draft, run);
  draft.run = suspended;
  delete draft.suspended;
}

/** A rehearsal has completed: the run before it is the last one again, whatever it was. */
export function leaveRehearsal(draft: State): void {
  const { suspended, run } = draft;
  if (run === undefined) return;
  keepInHistory(draft, run);
  delete draft.suspended;
  delete draft.run;
  if (suspended !== undefined) draft.run = suspended;
}

/** The suspended run is over for good: what it had left unfinished is not there any more. */
export function closeSuspended(draft: State): void {
  const { suspended } = draft;
  if (suspended === undefined) return;
  const status = isUnfinished(suspended) ? 'superseded' : suspended.status;
  keepInHistory(draft, { ...suspended, status });
  delete draft.suspended;
}
