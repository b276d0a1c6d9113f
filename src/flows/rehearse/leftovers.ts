import { causeChain } from '../../errors.ts';
import { clearRehearsal } from '../../release/rehearsal-clean.ts';
import type { Session } from '../../session/session.ts';

/**
 * Removes what a rehearsal that was killed has left, before any other run: the state names it. What cannot be
 * removed now, such as without a cluster, is told and stays recorded.
 */
export async function clearKilledRehearsal(session: Session): Promise<void> {
  const { product, reporter, openedTools } = session;
  const journal = await session.journal();
  const { rehearsing } = journal.state;
  if (rehearsing === undefined || openedTools === undefined) return;
  try {
    await clearRehearsal({ ...openedTools, product }, journal);
  } catch (error) {
    const why = causeChain(error)[0] ?? '';
    reporter.warn(
      `what a rehearsal of ${rehearsing.at} left could not be removed (${why}); the next run does`,
    );
  }
}
