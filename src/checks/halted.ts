import { haltedNow, haltText, startCommand } from '../release/halt.ts';
import type { Check } from './check.ts';

export const halted: Check = {
  id: 'halted',
  kind: 'guard',
  title: 'No workload is halted',
  limit: 'no workload was halted by an uninstall, a rollback, a restore or an upgrade that has not ended',
  why: 'Helm would not start it again, and the release would be taken for broken',
  fix: 'finish what has halted it, or start it',
  timeoutSeconds: 60,
  flows: ['install', 'upgrade'],
  async measure(ctx) {
    const { kubectl, product, signal } = ctx;
    // What an upgrade has halted before a change of the major version, it halts anyway.
    const isOwn = ctx.flow === 'upgrade' && ctx.majorChange !== undefined;
    const all = await haltedNow({ kubectl, product, signal });
    const found = all.filter(({ by }) => !(isOwn && by === 'upgrade'));
    if (found.length === 0) return { outcome: 'ok', measured: 'none' };
    return { outcome: 'fail', measured: haltText(found), fix: startCommand(found, product) };
  },
};
