import { knownAsRoot } from '../../queries/as-root.ts';
import type { Session } from '../../session/session.ts';
import { lookWithoutState } from '../../queries/without-state.ts';

/** Whether an upgrade may start at all: each check throws before anything is changed. */

/**
 * Refuses a host without state: its disk is not mounted, its state was lost, or it was deployed by other
 * means.
 */
export async function refuseWithoutState(session: Session): Promise<never> {
  const tools = await knownAsRoot(() => session.tools());
  const { refusal } = await lookWithoutState(session, tools, session);
  throw refusal;
}
