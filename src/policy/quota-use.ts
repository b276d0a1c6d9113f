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

interface CountedObject {
  apiVersion: string;
  kind: string;
  metadata: { namespace?: string };
  spec?: unknown;
}

/** What a new object takes of a quota, pods aside, by the quota's own names. */
export function objectUse(
  { namespace, hard, scopes }: Quota,
  object: CountedObject,
  usual: string,
): Record<string, number> {
  // A quota with a scope counts pods alone.
  if ((object.metadata.namespace ?? usual) !== namespace || scopes.length > 0) return {};
  const taken = { ...counted(object), ...specific(object) };
  return Object.fromEntries(Object.entries(taken).filter(([name]) => name in hard));
}

/** Those that a quota also counts by their bare name. */
const byBareName =
  /^(configmaps|secrets|services|persistentvolumeclaims|replicationcontrollers|resourcequotas)$/;

function counted({ apiVersion, kind }: CountedObject): Record<string, number> {
  const group = apiVersion.includes('/') ? `.${apiVersion.split('/')[0]}` : '';
  const resource = pluralOf(kind.toLowerCase());
  return { [`count/${resource}${group}`]: 1, ...(byBareName.test(resource) ? { [resource]: 1 } : {}) };
}

/** As Kubernetes itself forms it of a kind. */
const pluralOf = (kind: string) =>
  kind.endsWith('s') ? `${kind}es` : kind.endsWith('y') ? `${kind.slice(0, -1)}ies` : `${kind}s`;

function specific({ kind, spec }: CountedObject): Record<string, number> {
  if (kind === 'Service') {
    const { type, ports, allocateLoadBalancerNodePorts } = (spec ?? {}) as {
      type?: string;
      ports?: unknown[];
      allocateLoadBalancerNodePorts?: boolean;
    };
    const balanced = type === 'LoadBalancer';
    const opens = type === 'NodePort' || (balanced && allocateLoadBalancerNodePorts !== false);
    return {
      'services.nodeports': opens ? (ports?.length ?? 0) : 0,
      'services.loadbalancers': balanced ? 1 : 0,
    };
  }
  if (kind !== 'PersistentVolumeClaim') return {};
  const { storageClassName, resources } = (spec ?? {}) as {
    storageClassName?: string;
    resources?: { requests?: { storage?: unknown } };
  };
  const bytes = quantity(resources?.requests?.storage);
  const ofClass = `${storageClassName}.storageclass.storage.k8s.io`;
  return {
    'requests.storage': bytes,
    [`${ofClass}/requests.storage`]: bytes,
    [`${ofClass}/persistentvolumeclaims`]: 1,
  };
}
