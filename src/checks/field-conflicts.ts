import { assertNoFieldConflicts } from '../release/field-conflicts.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

export const fieldConflicts: Check<UpgradeCheckContext> = {
  id: 'field-conflicts',
  kind: 'guard',
  title: 'No field taken over from Helm',
  limit: 'no field of the release has another manager, or --force-conflicts',
  why: 'Helm’s upgrade fails on it, and so does its rollback',
  fix: 'set the same value in the values file, or take the fields over with --force-conflicts',
  timeoutSeconds: 180,
  flows: ['upgrade'],
  async measure(ctx) {
    await assertNoFieldConflicts(ctx, ctx.signal);
    return { outcome: 'ok', measured: ctx.forceConflicts ? 'taken over (--force-conflicts)' : 'none' };
  },
};
