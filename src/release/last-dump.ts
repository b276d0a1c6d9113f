import { existsSync } from 'node:fs';
import { basename, join } from 'node:path';
import * as z from 'zod';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { lastResult } from '../backup/step-results.ts';
import { assertWhole } from '../backup/whole-dump.ts';
import type { RunRecord, State } from '../engine/state.ts';
import type { Returning } from '../engine/step.ts';
import { causeChain, IvaapError } from '../errors.ts';
import type { Known } from '../known.ts';
import type { UninstallContext } from './uninstall-context.ts';

/** What an uninstall has before it deletes data: their last dump, or the word of the operator. */

export const lastDumpResult: Returning<{ lastDump: PgDump }> = {
  id: 'uninstall_pg_backup',
  out: z.object({ lastDump: pgDumpSchema }),
};

type Kept = Pick<UninstallContext, 'run' | 'agreedAt' | 'again' | 'choices'>;

/**
 * The last dump of this uninstall, whole. Undefined where none was taken, or it is gone and the operator has
 * agreed since. Throws `failed` where it is gone and nobody has.
 */
export async function wholeLastDump({ run, agreedAt, again, choices }: Kept): Promise<PgDump | undefined> {
  const dump = lastResult(run(), lastDumpResult)?.lastDump;
  if (dump === undefined) return undefined;
  try {
    // One that a rollback took moves in the middle: a move that was cut off leaves it whole at one place.
    const moved = movedDump(dump, choices.dumpTo);
    if (await assertWhole(moved).then(yes, no)) return moved;
    await assertWhole(dump);
    return dump;
  } catch (error) {
    if (agreedAt !== undefined && agreedAt > (dump.endedAt ?? dump.takenAt)) return undefined;
    throw new IvaapError(
      'failed',
      `the last dump ${dump.path} is not whole, and the database cannot be dumped any more: ` +
        (causeChain(error)[0] ?? ''),
      {
        hint:
          `mount its disk or put it back, then: ${again()}\n` +
          `To remove the data without it: ${again({ add: ['--skip-backup'] })}`,
        cause: error,
      },
    );
  }
}

const yes = () => true;
const no = () => false;

/** In the folder for what is kept: the older backups. */
export const keptBackups = (dumpTo: string): string => join(dumpTo, 'backups');

/** The dump where the older backups are moved to. */
function movedDump(dump: PgDump, dumpTo: string): PgDump {
  const folder = join(keptBackups(dumpTo), basename(dump.folder));
  const { path, restoreScript: script } = dump;
  const moved = { ...dump, folder, path: join(folder, basename(path)) };
  return script === undefined ? moved : { ...moved, restoreScript: join(folder, basename(script)) };
}

/** The dump where it lies at the end of an uninstall. */
export function keptLastDump(dump: PgDump, dumpTo: string): PgDump {
  const moved = movedDump(dump, dumpTo);
  return existsSync(moved.path) ? moved : dump;
}

/** Whether Helm has taken the database away, as an uninstall has recorded it. */
const isRecordedAsStopped = (run: Readonly<Pick<RunRecord, 'steps'>> | undefined): boolean =>
  run?.steps['uninstall_release']?.out?.removedRelease === true ||
  run?.steps['uninstall_objects']?.status === 'completed';

/**
 * Whether rows may have come since the last dump of an uninstall that has begun to remove, and nobody has
 * agreed since to lose them.
 */
export function mayHaveGrown(
  { run, agreedAt }: Pick<UninstallContext, 'agreedAt'> & { run: Readonly<RunRecord> | undefined },
  isStopped: Known<boolean>,
): boolean {
  const dump = lastResult(run, lastDumpResult)?.lastDump;
  if (agreedAt !== undefined && (dump === undefined || agreedAt > (dump.endedAt ?? dump.takenAt)))
    return false;
  return isStopped.known ? !isStopped.value : !isRecordedAsStopped(run);
}

/**
 * The dump of an unfinished rollback that has begun to take the database away. While Helm's part of that has
 * not ended, the product may still run: then rows may be missing in it.
 */
export function dumpOfRollback(
  { run, suspended, derived }: Pick<State, 'run' | 'suspended' | 'derived'>,
  isStopped: Known<boolean>,
): PgDump | undefined {
  const dump = pgDumpSchema.safeParse(derived.pgDump).data;
  if (run?.flow !== 'rollback' || suspended === undefined || dump === undefined) return undefined;
  // Otherwise it is that of an earlier rollback, before the install ran once more.
  if (Date.parse(dump.takenAt) < Date.parse(suspended.finishedAt ?? '')) return undefined;
  if (suspended.steps['helm_deploy'] === undefined) return dump;
  const isBegun = run?.steps['undo_helm_deploy'] !== undefined;
  return isBegun && isStopped.known && isStopped.value ? dump : undefined;
}
