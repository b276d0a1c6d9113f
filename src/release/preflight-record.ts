import * as z from 'zod';
import type { Journal } from '../engine/journal.ts';
import type { Plan, StepIo } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { type PreflightReport, usedWaivers } from '../policy/preflight-report.ts';
import type { StepContext } from './context.ts';

/** Both flows' first step: it records what was measured before it. */

const reportSchema = z.object({
  at: z.string(),
  tolerant: z.boolean(),
  checks: z.array(
    z.object({
      id: z.string(),
      status: z.string(),
      measured: z.string(),
      limit: z.string(),
      waiver: z.string().optional(),
    }),
  ),
});

/** Of `preflight` in the state. */
export const preflightResult = z.object({
  preflight: reportSchema.extend({ cluster: z.string(), k3s: z.string() }),
});

export type PreflightResult = z.infer<typeof preflightResult>;

function reportOf({ preflight }: Pick<StepContext, 'preflight'>): PreflightReport {
  if (preflight !== undefined) return preflight;
  throw new IvaapError('bug', 'nothing was measured before the run started');
}

const line = ({ status, id, measured, limit }: PreflightReport['results'][number]) =>
  `${status} ${id}: ${measured} (limit: ${limit})`;

export async function planRecord(ctx: StepContext): Promise<Plan> {
  const { results } = reportOf(ctx);
  const count = (status: string) => results.filter((result) => result.status === status).length;
  return {
    action: 'run',
    summary:
      `record what preflight measured: ${count('ok')} of ${results.length} ` +
      `checks are ok, ${count('warn')} warn, ${count('waived')} are waived`,
  };
}

export async function recordPreflight(ctx: StepContext, io: StepIo): Promise<PreflightResult> {
  const report = reportOf(ctx);
  // The complete report was shown: what is not ok is printed again at the end of the run.
  for (const result of report.results) if (result.status !== 'ok') io.remind(line(result));
  return {
    preflight: { ...preflightRecord(report), cluster: await ctx.kubectl.serverVersion(), k3s: ctx.k3s },
  };
}

/**
 * Records this attempt's report in the run, also where the step that records it is skipped, and its waivers
 * with who, when and why in the state.
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

/** What the state keeps of a report. */
function preflightRecord({ at, tolerant, results }: PreflightReport): z.infer<typeof reportSchema> {
  return {
    at,
    tolerant,
    checks: results.map(({ id, status, measured, limit, waiver }) => ({
      id,
      status,
      measured,
      limit,
      waiver,
    })),
  };
}
