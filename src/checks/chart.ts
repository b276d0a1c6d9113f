import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

export const chart: Check<UpgradeCheckContext> = {
  id: 'chart',
  kind: 'guard',
  title: 'Chart renders with your values',
  limit: 'no error from Helm or from the chart’s schema',
  why: 'Helm would refuse it after the backup, in the maintenance window',
  fix: 'fix the values file, then run the same command again',
  timeoutSeconds: 120,
  flows: ['upgrade'],
  async measure({ rendered }) {
    return { outcome: 'ok', measured: `${(await rendered()).length} objects` };
  },
};
