import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import { sudo } from '../shell-word.ts';

export const volumeBound: Check<UpgradeCheckContext> = {
  id: 'volume-bound',
  kind: 'health',
  title: 'Volume claims bound',
  limit: 'every claim of the namespace is Bound, the database’s among them',
  why: 'a database without its volume does not start',
  fix: `${sudo.kubectl} get pvc -A`,
  timeoutSeconds: 60,
  flows: ['upgrade'],
  async measure({ product: { namespace, database } }, facts) {
    const { claims } = await facts.cluster();
    const needed = database.volume.claim;
    const limit = `all Bound, ${needed} among them`;
    const fix = `${sudo.kubectl} describe pvc -n ${namespace}`;
    const loose = claims.filter(({ status }) => status?.phase !== 'Bound');
    const problems = loose.map(({ metadata, status }) => `${metadata.name} is ${status?.phase ?? 'unknown'}`);
    if (!claims.some(({ metadata }) => metadata.name === needed)) problems.unshift(`${needed} is missing`);
    if (problems.length > 0) return { outcome: 'fail', measured: problems.join(', '), limit, fix };
    return { outcome: 'ok', measured: `${claims.length} of ${claims.length} Bound`, limit };
  },
};
