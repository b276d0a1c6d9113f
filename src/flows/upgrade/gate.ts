import { IvaapError } from '../../errors.ts';
import { hostEvidence } from '../../queries/host-evidence.ts';
import type { Known } from '../../known.ts';
import type { HostTools } from '../../session/host-tools.ts';
import type { OpenedPayload } from '../../session/opened-payload.ts';
import type { FlowPorts } from '../../session/ports.ts';
import { factsOf, noStateRefusal } from '../../queries/without-state.ts';

/** Whether an upgrade may start at all: each check throws before anything is changed. */

/** A host without state: is its disk away, was its state lost, or was it deployed by other means? */
export async function refuseWithoutState(
  opened: OpenedPayload,
  host: Known<Pick<HostTools, 'kubectl'>>,
  { program, signal }: Pick<FlowPorts, 'program' | 'signal'>,
): Promise<never> {
  const evidence = await hostEvidence(opened, host, signal);
  signal.throwIfAborted();
  const { code, message, hint } = noStateRefusal(evidence, opened, program);
  throw new IvaapError(code, message, { hint, facts: factsOf(evidence, opened) });
}
