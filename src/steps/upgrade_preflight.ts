import type { Step } from '../engine/step.ts';
import type { UpgradeContext } from '../release/context.ts';
import {
  planRecord,
  type PreflightResult,
  preflightResult,
  recordPreflight,
} from '../release/preflight-record.ts';

/** Records what preflight measured, before anything is changed. */
export const upgradePreflight: Step<UpgradeContext, PreflightResult> = {
  id: 'upgrade_preflight',
  out: preflightResult,
  title: 'Record the preflight',
  needs: [],
  revision: 1,
  inputs: ({ payload }) => ({ payload: payload.digest }),
  plan: planRecord,
  run: recordPreflight,
};
