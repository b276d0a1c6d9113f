import type { Journal } from '../engine/journal.ts';
import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import type { UpgradeContext } from '../steps/context.ts';
import { upgradePgBackup } from '../steps/upgrade_pg_backup.ts';

const isDumped = ({ run }: State) => run?.steps[upgradePgBackup.id]?.status === 'completed';

export async function recordSkippedBackup(journal: Journal, ctx: UpgradeContext, run: string): Promise<void> {
  const known = journal.state.skippedBackups.some((skipped) => skipped.run === run);
  // A run that goes on may have its dump already: then there is nothing left to skip.
  if (!ctx.skipBackup || known || isDumped(journal.state)) return;
  await journal.update((draft, at) => {
    draft.skippedBackups.push({ by: ctx.operator, at, run, from: ctx.from, to: ctx.to });
  });
}

/** A failure of an upgrade without a dump says so: the operator's way back is another one. */
export function withDumpNote(error: unknown, state: State): unknown {
  const skipped = state.skippedBackups.findLast(({ run }) => run === state.run?.id);
  if (!(error instanceof IvaapError) || skipped === undefined || isDumped(state)) return error;
  const note = `There is no dump of this upgrade (--skip-backup by ${skipped.by ?? 'unknown'}, ${skipped.at}).`;
  return new IvaapError(error.code, `${error.message}. ${note}`.replace('..', '.'), {
    cause: error.cause,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.output === undefined ? {} : { output: error.output }),
    ...(error.step === undefined ? {} : { step: error.step }),
    ...(error.log === undefined ? {} : { log: error.log }),
  });
}

/** The summary's words for an upgrade without a dump. */
export const noDump = ({ skippedBackups, run }: State) =>
  skippedBackups.some((skipped) => skipped.run === run?.id)
    ? 'none: there is no dump of this upgrade (--skip-backup)'
    : 'none';
