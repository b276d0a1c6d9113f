import type { RunRecord } from '../engine/state.ts';
import type { JsonObject, Returning } from '../engine/step.ts';

/** What a recorded run says of its steps, for callers that are not steps. */

type Recorded = Readonly<Pick<RunRecord, 'steps'>> | undefined;

/** Whether the step has completed in this run, and nothing that it needs has run again since. */
export const hasCompleted = (run: Recorded, { id }: Pick<Returning<unknown>, 'id'>): boolean =>
  run?.steps[id]?.status === 'completed';

/** A recorded result, wherever it is kept; undefined where it does not have the step's form. */
export const readResult = <Out>(step: Returning<Out>, kept: unknown): Out | undefined =>
  step.out.safeParse(kept).data;

/** What the step last returned in this run, also while it runs again; undefined where it has not. */
export function lastResult<Out>(run: Recorded, step: Returning<Out>): Out | undefined {
  const record = run?.steps[step.id];
  return readResult(step, record?.out ?? record?.earlier);
}

/** What one of the run's steps has recorded, however it ended. */
export function stepRecord(run: Recorded, id: string): JsonObject {
  const { out, recorded, earlier } = run?.steps[id] ?? {};
  return { ...earlier, ...recorded, ...out };
}
