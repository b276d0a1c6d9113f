import * as z from 'zod';
import { type PgDump, pgDumpSchema } from '../backup/dump-record.ts';
import { lastResult } from '../backup/step-results.ts';
import { assertWhole } from '../backup/whole-dump.ts';
import type { Returning } from '../engine/step.ts';
import { causeChain, IvaapError } from '../errors.ts';
import type { UninstallContext } from './uninstall-context.ts';

/** What an uninstall has before it deletes data: their last dump, or the word of the operator. */

export const lastDumpResult: Returning<{ lastDump: PgDump }> = {
  id: 'uninstall_pg_backup',
  out: z.object({ lastDump: pgDumpSchema }),
};

type Kept = Pick<UninstallContext, 'run' | 'agreedAt' | 'again'>;

/**
 * The last dump of this uninstall, whole. Undefined where none was taken, or it is gone and the operator has
 * agreed since. Throws `failed` where it is gone and nobody has.
 */
export async function wholeLastDump({ run, agreedAt, again }: Kept): Promise<PgDump | undefined> {
  const dump = lastResult(run(), lastDumpResult)?.lastDump;
  if (dump === undefined) return undefined;
  try {
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
