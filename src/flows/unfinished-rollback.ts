import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import { resumeCommand } from '../session/resume-command.ts';

/**
 * Throws `version`: a rollback that was cut off is finished before anything else is done with the install.
 */
export function refuseUnfinishedRollback(
  { run, suspended }: Pick<State, 'run' | 'suspended'>,
  program: string,
): void {
  if (suspended === undefined || run?.flow !== 'rollback') return;
  throw new IvaapError(
    'version',
    `a rollback of the install of ${suspended.to} to ${String(run.answers?.step)} was started ` +
      `${run.startedAt} and is not finished`,
    {
      hint:
        `to finish it: ${resumeCommand(run)}\nto remove the product from this host instead: ` +
        `${program} uninstall`,
    },
  );
}
