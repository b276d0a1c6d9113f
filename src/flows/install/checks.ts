import { checksOf } from '../../checks/all.ts';
import { bind } from '../../checks/check.ts';
import { waivableIds } from '../../policy/preflight-report.ts';
import type { InstallContext } from '../../release/context.ts';
import type { Session } from '../../session/session.ts';
import type { Prepared } from '../flow.ts';
import type { FlowChecks } from '../run-preflight.ts';
import type { InstallDecision, InstallOptions } from './decision.ts';

/** Preflight of a new or a resumed install. */
export function installChecks(
  { machine: { askApiServer, listProcesses }, product }: Session,
  _: InstallOptions,
  { decision: { state }, ctx }: Prepared<InstallDecision, InstallContext>,
): FlowChecks {
  const flow = 'install';
  const resumed = state?.run !== undefined;
  return {
    flow,
    tolerant: resumed,
    waivers: ctx.waivers,
    waivable: waivableIds(checksOf[flow], product.preflight.waivable),
    checks: (signal) =>
      bind(checksOf[flow], { ...ctx, flow, askApiServer, listProcesses, signal, resumed, state }),
  };
}
