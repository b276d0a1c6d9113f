import type { Journal } from '../engine/journal.ts';
import { usedWaivers } from '../policy/preflight.ts';
import type { StepContext } from '../release/context.ts';
import { preflightRecord } from '../release/preflight-record.ts';

/**
 * Puts this start's report into the run, also where the step that records it is skipped, and its waivers with who, when and
 * why into the state.
 */
export async function recordPreflightStart(
  journal: Journal,
  { preflight, operator }: Pick<StepContext, 'preflight' | 'operator'>,
  run: string,
): Promise<void> {
  if (preflight === undefined) return;
  await journal.update((draft, at) => {
    if (draft.run !== undefined) draft.run.preflight = preflightRecord(preflight);
    for (const { id, reason } of usedWaivers(preflight)) {
      const known = draft.waivers.some((one) => one.run === run && one.id === id && one.reason === reason);
      if (!known) draft.waivers.push({ by: operator, at, run, id, reason });
    }
  });
}
