import { keepInHistory } from './run-record.ts';
import type { RunRecord, State } from './state.ts';
import type { Undone } from './step.ts';

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
  for (const key of originals) delete suspended.originals?.[key];
}

/** The suspended run is the last one again, without the steps that were undone: it is unfinished. */
export function endRollback(draft: State, run: RunRecord, suspended: RunRecord, now: string): void {
  const undone = run.order.flatMap((id) => (run.steps[id]?.status === 'completed' ? [id] : []));
  const kept = Object.assign({}, ...undone.map((id) => run.steps[id]?.out ?? {}));
  const to = run.answers?.step;
  const record = { run: run.id, at: now, by: run.startedBy, to: String(to ?? ''), undone, kept };
  const { error: _, ...rest } = suspended;
  keepInHistory(draft, run);
  draft.run = { ...rest, status: 'failed', rollbacks: [...(suspended.rollbacks ?? []), record] };
  delete draft.suspended;
}
