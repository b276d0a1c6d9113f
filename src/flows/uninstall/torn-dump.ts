import type { PgDump } from '../../backup/dump-record.ts';
import { assertWhole } from '../../backup/whole-dump.ts';
import { causeChain, IvaapError } from '../../errors.ts';
import type { Session } from '../../session/session.ts';

/** Throws `preflight` where the dump of an unfinished rollback, to be the last one, is not whole. */
export async function refuseTornDump(
  { again }: Pick<Session, 'again'>,
  dump: PgDump | undefined,
): Promise<void> {
  if (dump === undefined) return;
  try {
    await assertWhole(dump);
  } catch (error) {
    throw new IvaapError(
      'preflight',
      `the last dump ${dump.path}, which the unfinished rollback took, is not whole, and the database ` +
        `cannot be dumped any more: ${causeChain(error)[0] ?? ''}`,
      {
        hint:
          `mount its disk or put it back, then: ${again()}\n` +
          `To remove the data without it: ${again({ add: ['--skip-backup'] })}`,
        cause: error,
      },
    );
  }
}
