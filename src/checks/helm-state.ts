import { assertHelmReady } from '../release/helm-state.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import { sudo } from '../shell-word.ts';

export const helmState: Check<UpgradeCheckContext> = {
  id: 'helm-state',
  kind: 'guard',
  title: 'Helm’s record of the release',
  limit: 'a state from which Helm can continue',
  why: 'Helm would refuse to run, or undo what somebody else does',
  fix: `${sudo.kubectl} get secrets -A -l owner=helm`,
  timeoutSeconds: 60,
  flows: ['upgrade'],
  async measure(ctx) {
    await assertHelmReady(ctx, 'upgrade');
    return { outcome: 'ok', measured: 'ready for an upgrade' };
  },
};
