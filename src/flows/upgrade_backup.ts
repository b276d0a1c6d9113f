import type { Journal } from '../engine/journal.ts';
import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import type { UpgradeContext } from '../steps/context.ts';
import { type PgDump, pgDumpSchema } from '../steps/dump_record.ts';
import { upgradePgBackup } from '../steps/upgrade_pg_backup.ts';

/** The dumps of an upgrade. */
export interface Dumps {
  /** From before Helm first started: the one that brings the old version back. */
  before: PgDump | undefined;
  /** Taken beside it by a run that went on after Helm had started. */
  later: PgDump | undefined;
  /** Who went on without one; undefined where there is one. */
  skipped: State['skippedBackups'][number] | undefined;
}

/** What there is for the way back from the run that is recorded last, whatever became of it. */
export function dumpsOf({ run, anchors, skippedBackups }: State): Dumps {
  const parse = (value: unknown) => pgDumpSchema.safeParse(value).data;
  const step = run?.steps[upgradePgBackup.id];
  const own = step?.status === 'completed' ? parse(step.out?.pgDump) : undefined;
  const kept = run?.pointOfNoReturn === undefined ? undefined : anchors[run.from ?? '']?.derived.pgDump;
  const before = parse(kept) ?? own;
  return {
    before,
    later: own?.path === before?.path ? undefined : own,
    skipped: before === undefined ? skippedBackups.findLast((skipped) => skipped.run === run?.id) : undefined,
  };
}

/** `kept` are the steps whose results are used again: with a dump among them there is nothing left to skip. */
export async function recordSkippedBackup(
  journal: Journal,
  ctx: UpgradeContext,
  run: string,
  kept: readonly string[],
): Promise<void> {
  const known = journal.state.skippedBackups.some((skipped) => skipped.run === run);
  const anchored = pgDumpSchema.safeParse(ctx.anchor()?.pgDump).success;
  if (!ctx.skipBackup || known || anchored || kept.includes(upgradePgBackup.id)) return;
  await journal.update((draft, at) => {
    draft.skippedBackups.push({ by: ctx.operator, at, run, from: ctx.from, to: ctx.to });
  });
}

/** A failure of an upgrade without a dump says so: the operator's way back is another one. */
export function withDumpNote(error: unknown, state: State): unknown {
  const { skipped } = dumpsOf(state);
  if (!(error instanceof IvaapError) || skipped === undefined) return error;
  const note = `There is no dump of this upgrade (--skip-backup by ${skipped.by ?? 'unknown'}, ${skipped.at}).`;
  return new IvaapError(error.code, `${error.message}. ${note}`.replace('..', '.'), {
    cause: error.cause,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.output === undefined ? {} : { output: error.output }),
    ...(error.step === undefined ? {} : { step: error.step }),
    ...(error.log === undefined ? {} : { log: error.log }),
  });
}
