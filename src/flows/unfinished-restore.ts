import { isIdle } from '../engine/rollback-record.ts';
import { isUnfinished } from '../engine/run-record.ts';
import type { RunRecord, State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import { resumeCommand } from '../session/resume-command.ts';

/** A restore that has begun to stop the product, and has not completed. */
export function unfinishedRestore(state: Pick<State, 'run' | 'suspended'>): RunRecord | undefined {
  const { run } = state;
  return run?.flow === 'restore' && isUnfinished(run) && !isIdle(state) ? run : undefined;
}

/**
 * Throws `version`: a restore that has stopped the product is finished before anything else is done with it.
 */
export function refuseUnfinishedRestore(state: Pick<State, 'run' | 'suspended'>): void {
  const run = unfinishedRestore(state);
  if (run === undefined) return;
  throw new IvaapError(
    'version',
    `a restore of ${run.to} was started ${run.startedAt} on this host and is not finished`,
    { hint: resumeCommand(run) },
  );
}
