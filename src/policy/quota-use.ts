import type { PodNeeds } from './pod-needs.ts';
import { quantity } from './quantity.ts';

export interface Quota {
  name: string;
  namespace: string;
  hard: Record<string, number>;
  used: Record<string, number>;
  scopes: { scope: string; operator: string; values: string[] }[];
}

export interface QuotaObject {
  metadata: { name: string; namespace?: string };
  spec?: {
    hard?: Record<string, unknown>;
    scopes?: string[];
    scopeSelector?: { matchExpressions?: { scopeName: string; operator: string; values?: string[] }[] };
  };
  status?: { hard?: Record<string, unknown>; used?: Record<string, unknown> };
}

const numbers = (given: Record<string, unknown> = {}) =>
  Object.fromEntries(Object.entries(given).map(([name, value]) => [name, quantity(value)]));

export const quotaOf = ({ metadata, spec = {}, status = {} }: QuotaObject): Quota => ({
  name: metadata.name,
  namespace: metadata.namespace ?? '',
  hard: numbers(spec.hard),
  used: numbers(status.used),
  scopes: [
    ...(spec.scopes ?? []).map((scope) => ({ scope, operator: 'Exists', values: [] as string[] })),
    ...(spec.scopeSelector?.matchExpressions ?? []).map(({ scopeName, operator, values = [] }) => ({
      scope: scopeName,
      operator,
      values,
    })),
  ],
});

/** What a pod takes of a quota, by the quota's own names; empty where it is not counted there. */
export function quotaUse({ namespace, hard, scopes }: Quota, pod: PodNeeds): Record<string, number> {
  if (pod.namespace !== namespace || !scopes.every((one) => inScope(one, pod))) return {};
  const use: Record<string, number> = {};
  for (const name of Object.keys(hard)) {
    const [kind, resource = ''] = name.split(/\.(.*)/s);
    if (name === 'pods' || name === 'count/pods') use[name] = 1;
    else if (kind === 'requests' && resource !== 'storage') use[name] = pod.requests[resource] ?? 0;
    else if (kind === 'limits') use[name] = pod.limits[resource] ?? 0;
    else if (['cpu', 'memory', 'ephemeral-storage'].includes(name)) use[name] = pod.requests[name] ?? 0;
  }
  return use;
}

function inScope(
  { scope, operator, values }: Quota['scopes'][number],
  { spec, requests, limits }: PodNeeds,
): boolean {
  const asksNothing = ['cpu', 'memory'].every((name) => !requests[name] && !limits[name]);
  switch (scope) {
    case 'BestEffort':
      return asksNothing;
    case 'NotBestEffort':
      return !asksNothing;
    case 'Terminating':
      return spec.activeDeadlineSeconds !== undefined;
    case 'NotTerminating':
      return spec.activeDeadlineSeconds === undefined;
    case 'PriorityClass': {
      const own = spec.priorityClassName ?? '';
      if (operator === 'In') return values.includes(own);
      if (operator === 'NotIn') return !values.includes(own);
      return (operator === 'Exists') === (own !== '');
    }
    default:
      return false;
  }
}
