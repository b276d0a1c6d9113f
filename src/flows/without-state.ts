import { knownAsRoot } from '../queries/as-root.ts';
import type { Session } from '../session/session.ts';
import { lookWithoutState, type Verb } from '../queries/without-state.ts';

/**
 * Refuses a host without state: its disk is not mounted, its state was lost, or it was deployed by other
 * means.
 */
export async function refuseWithoutState(session: Session, verb: Verb): Promise<never> {
  const tools = await knownAsRoot(() => session.tools());
  const { refusal } = await lookWithoutState(session, tools, {
    program: session.program,
    signal: session.signal,
    verb,
  });
  throw refusal;
}
