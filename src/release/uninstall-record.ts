import * as z from 'zod';
import type { State } from '../engine/state.ts';
import type { Returning } from '../engine/step.ts';
import { foundFolderSchema } from './found-folder.ts';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { readResult } from '../backup/step-results.ts';

/** Of `uninstall` in the state: what was chosen and found when the uninstall began. */
const recordedSchema = z.object({
  dumpTo: z.string(),
  /** Where the file system of `dumpTo` was mounted. */
  dumpMount: z.string().optional(),
  storagePath: z.string().optional(),
  keepsNamespace: z.boolean().optional(),
  namespaceLabels: z.array(z.string()).optional(),
  movedFrom: z.string().optional(),
  neverStarted: z.boolean().optional(),
  /** What an unfinished rollback had dumped. */
  rollbackDump: pgDumpSchema.optional(),
  before: foundFolderSchema.optional(),
  keepData: z.boolean(),
  deleteBackups: z.boolean(),
});

export type RecordedUninstall = Omit<z.infer<typeof recordedSchema>, 'rollbackDump'> & {
  rollbackDump?: PgDump | undefined;
};

export const uninstallResult: Returning<{ uninstall: RecordedUninstall }> = {
  id: 'uninstall_record',
  out: z.object({ uninstall: recordedSchema }),
};

/** Whether an uninstall has begun to remove: the last dump is taken by then, and kept data are recorded. */
export const isRemoving = ({ run }: Pick<State, 'run'>): boolean =>
  run?.flow === 'uninstall' && run.noReturnAt !== undefined;

/** What was agreed when the removal began holds for the rest of it. */
export const agreedBefore = (state: Pick<State, 'run' | 'skippedBackups'>): string | undefined =>
  isRemoving(state) ? state.skippedBackups.findLast((one) => one.run === state.run?.id)?.at : undefined;

/**
 * The last run, as far as another run has to mind it: an uninstall of a completed install that has removed
 * nothing is none. An unfinished install cannot continue behind one.
 */
export const runToMind = ({ installed, run }: Pick<State, 'installed' | 'run'>): State['run'] =>
  run?.flow === 'uninstall' && installed !== undefined && !isRemoving({ run }) ? undefined : run;

/**
 * The uninstall that has begun on this host; undefined where none has, or it has not written anything yet.
 */
export function recordedUninstall({ run }: Pick<State, 'run'>): RecordedUninstall | undefined {
  if (run?.flow !== 'uninstall') return undefined;
  const step = run.steps[uninstallResult.id];
  return readResult(uninstallResult, step?.out ?? step?.recorded ?? step?.earlier)?.uninstall;
}
