import type { Journal } from '../engine/journal.ts';
import type { JsonObject } from '../engine/step.ts';
import { type PreflightReport, usedWaivers } from '../policy/preflight.ts';
import type { StepContext } from '../release/context.ts';
import { preflightRecord } from '../release/preflight-record.ts';
import type { FlowResult } from './flow.ts';

/**
 * Puts this start's report into the run, also where the step that records it is skipped, and its waivers with
 * who, when and why into the state.
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

/** `--preflight-only`: the report was printed as an event already. */
export function preflightResult(report: PreflightReport | undefined): FlowResult {
  const results = report?.results ?? [];
  const count = (status: string) => results.filter((result) => result.status === status).length;
  return {
    lines: [
      `Preflight has nothing against it: ${count('ok')} ok, ${count('warn')} warnings, ${count('waived')} waived. Nothing was changed.`,
    ],
    data: { preflight: JSON.parse(JSON.stringify(report ?? null)) as JsonObject },
  };
}
