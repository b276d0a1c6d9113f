import type { Step } from '../engine/step.ts';
import type { UpgradeContext } from '../release/context.ts';
import { planRecord, recordPreflight } from '../release/preflight-record.ts';

/** Records what the host was measured to have, before anything is touched. */
export const upgradePreflight: Step<UpgradeContext> = {
  id: 'upgrade_preflight',
  title: 'Record the preflight',
  needs: [],
  midpoint: 'host-described',
  revision: 1,
  inputs: ({ payload }) => ({ payload: payload.digest }),
  plan: planRecord,
  run: recordPreflight,
};
