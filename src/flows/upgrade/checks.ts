import { checksOf } from '../../checks/all.ts';
import { type BoundCheck, bind } from '../../checks/check.ts';
import { waivableIds } from '../../policy/preflight-report.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { once } from '../../release/once.ts';
import { tryPods } from '../../release/pod-trials.ts';
import type { Session } from '../../session/session.ts';
import { upgradeHelm } from '../../steps/upgrade_helm.ts';
import type { Prepared } from '../flow.ts';
import type { FlowChecks } from '../run-preflight.ts';
import type { UpgradeStart } from './decision.ts';
import type { UpgradeOptions } from './options.ts';

/** Preflight of an upgrade. */
export function upgradeChecks(
  { machine: { askApiServer, listProcesses }, product }: Session,
  { reapply }: UpgradeOptions,
  { decision: { resumed, state }, ctx }: Prepared<UpgradeStart, UpgradeContext>,
): FlowChecks {
  const flow = 'upgrade';
  const checks = (signal: AbortSignal): BoundCheck[] => {
    // Once Helm has completed in a run, no object is created any more.
    const helmIsThrough = resumed && ctx.run()?.steps[upgradeHelm.id]?.status === 'completed';
    const due = checksOf[flow].filter(({ kind }) => kind !== 'outage' || !helmIsThrough);
    const podTrials = once(async () => tryPods(ctx, await ctx.answers(signal), signal));
    const asking = { flow, askApiServer, listProcesses, signal, resumed, state } as const;
    return bind(due, { ...ctx, ...asking, podTrials });
  };
  return {
    flow,
    tolerant: resumed || reapply,
    waivers: ctx.waivers,
    waivable: waivableIds(checksOf[flow], product.preflight.waivable),
    checks,
  };
}
