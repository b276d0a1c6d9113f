import type { CheckDescription, Measurement } from '../policy/preflight-report.ts';
import type { CheckContext, UpgradeCheckContext } from './context.ts';
import { hostFacts, type HostFacts } from './facts.ts';

type Found = Measurement | Measurement[];

/** One check of preflight, as a value. docs/preflight.md is generated from all of them. */
export interface Check<Ctx extends CheckContext = CheckContext> extends CheckDescription {
  /** The limit in docs/preflight.md, where it is too long for a report. */
  limitInFull?: string;
  /** After this time the check fails, and says so. */
  timeoutSeconds: number;
  flows: readonly Ctx['flow'][];
  /** Whether there is something to measure; absent: always. */
  applies?: (ctx: Ctx) => boolean;
  /** An error that it throws is a failure of this check. */
  measure: (ctx: Ctx, facts: HostFacts) => Promise<Found> | Found;
}

export type AnyCheck = Check | Check<UpgradeCheckContext>;

/** Of a check that asks nodes where there is none: `schedule` tells that, and blocks the run. */
export const withoutNode: Measurement = {
  outcome: 'warn',
  measured: 'not known: schedule failed',
  fix: 'see schedule',
};

/** A check with its context. */
export interface BoundCheck extends CheckDescription {
  timeoutSeconds: number;
  measure: () => Promise<Found> | Found;
}

/** The checks that apply here. What several of them need is queried once, under the context's signal. */
export function bind<Ctx extends CheckContext>(
  checks: readonly Omit<Check<Ctx>, 'flows'>[],
  ctx: Ctx,
): BoundCheck[] {
  const facts = hostFacts(ctx);
  return checks
    .filter(({ applies }) => applies?.(ctx) ?? true)
    .map((check) => ({ ...check, measure: () => check.measure(ctx, facts) }));
}
