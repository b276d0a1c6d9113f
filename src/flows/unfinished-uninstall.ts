import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import { runToMind } from '../release/uninstall-record.ts';
import { resumeCommand } from '../session/resume-command.ts';

type Recorded = Pick<State, 'installed' | 'run'>;

/**
 * Once an uninstall has begun to remove, only the uninstall can end it; nor can an unfinished install
 * continue behind one. Throws `version`.
 */
export function refuseUninstalling(state: Recorded): void {
  const run = runToMind(state);
  if (run?.flow !== 'uninstall') return;
  throw new IvaapError('version', `an uninstall of ${run.to} has begun on this host, and is not finished`, {
    hint: resumeCommand(run),
  });
}
