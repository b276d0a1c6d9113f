import { IvaapError } from '../../errors.ts';
import { hostEvidence } from '../../queries/host-evidence.ts';
import { knownAsRoot } from '../../queries/as-root.ts';
import type { Session } from '../../session/session.ts';
import { factsOf, noStateRefusal } from '../../queries/without-state.ts';

/** Whether an upgrade may start at all: each check throws before anything is changed. */

/**
 * Refuses a host without state: its disk is not mounted, its state was lost, or it was deployed by other
 * means.
 */
export async function refuseWithoutState(session: Session): Promise<never> {
  const { program, signal } = session;
  const tools = await knownAsRoot(() => session.tools());
  const evidence = await hostEvidence(session, tools, signal);
  signal.throwIfAborted();
  const { code, message, hint } = noStateRefusal(evidence, session, program);
  throw new IvaapError(code, message, { hint, facts: factsOf(evidence, session) });
}
