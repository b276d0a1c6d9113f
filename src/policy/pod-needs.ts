import { quantity } from './quantity.ts';

/** What a pod asks of its node and of its namespace's quotas. */

type Amounts = Record<string, number>;

interface Container {
  name?: string;
  restartPolicy?: string;
  ports?: { hostPort?: number; hostIP?: string; protocol?: string; containerPort?: number }[];
  resources?: { requests?: Record<string, unknown>; limits?: Record<string, unknown> };
}

export interface Toleration {
  key?: string;
  operator?: string;
  value?: string;
  effect?: string;
}

interface Expression {
  key: string;
  operator: string;
  values?: string[];
}

export interface LabelSelector {
  matchLabels?: Record<string, string>;
  matchExpressions?: Expression[];
}

interface NodeSelectorTerm {
  matchExpressions?: Expression[];
  matchFields?: Expression[];
}

/** The parts of a pod's spec that decide where it may run. */
export interface PodSpec {
  nodeName?: string;
  hostNetwork?: boolean;
  nodeSelector?: Record<string, string>;
  tolerations?: Toleration[];
  activeDeadlineSeconds?: number;
  priorityClassName?: string;
  priority?: number;
  preemptionPolicy?: string;
  affinity?: {
    nodeAffinity?: {
      requiredDuringSchedulingIgnoredDuringExecution?: { nodeSelectorTerms?: NodeSelectorTerm[] };
    };
    podAntiAffinity?: {
      requiredDuringSchedulingIgnoredDuringExecution?: {
        labelSelector?: LabelSelector;
        namespaces?: string[];
        matchLabelKeys?: string[];
      }[];
    };
  };
  overhead?: Record<string, unknown>;
  resources?: Container['resources'];
  initContainers?: Container[];
  containers?: Container[];
  volumes?: { persistentVolumeClaim?: { claimName: string } }[];
}

export interface PodNeeds {
  namespace: string;
  labels: Record<string, string>;
  spec: PodSpec;
  requests: Amounts;
  limits: Amounts;
  /** `TCP 8080`: one pod of a node at a time. */
  hostPorts: string[];
}

export interface PodLike {
  metadata: { namespace?: string; labels?: Record<string, string> };
  spec?: unknown;
}

export function podNeeds({ metadata, spec }: PodLike, namespace: string): PodNeeds {
  const of = (spec ?? {}) as PodSpec;
  return {
    namespace: metadata.namespace ?? namespace,
    labels: metadata.labels ?? {},
    spec: of,
    requests: { ...amounts(of, 'requests'), pods: 1 },
    limits: amounts(of, 'limits'),
    hostPorts: hostPorts(of),
  };
}

/**
 * As the scheduler counts: containers and sidecars together, or the largest init container where that is
 * more.
 */
function amounts(spec: PodSpec, kind: 'requests' | 'limits'): Amounts {
  const of = (container: Container): Amounts => {
    const { requests, limits } = container.resources ?? {};
    // A limit without a request is the request.
    return numbers(kind === 'limits' ? limits : { ...limits, ...requests });
  };
  let sidecars: Amounts = {};
  let peak: Amounts = {};
  for (const container of spec.initContainers ?? []) {
    if (container.restartPolicy === 'Always') {
      sidecars = sum(sidecars, of(container));
      peak = larger(peak, sidecars);
    } else peak = larger(peak, sum(sidecars, of(container)));
  }
  const running = (spec.containers ?? []).map(of).reduce(sum, sidecars);
  const whole = numbers(spec.resources?.[kind]);
  return sum({ ...larger(peak, running), ...whole }, numbers(spec.overhead));
}

const numbers = (given: Record<string, unknown> | undefined): Amounts =>
  Object.fromEntries(Object.entries(given ?? {}).map(([name, value]) => [name, quantity(value)]));

function sum(a: Amounts, b: Amounts): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, (a[name] ?? 0) + (b[name] ?? 0)]));
}

function larger(a: Amounts, b: Amounts): Amounts {
  const names = new Set([...Object.keys(a), ...Object.keys(b)]);
  return Object.fromEntries([...names].map((name) => [name, Math.max(a[name] ?? 0, b[name] ?? 0)]));
}

function hostPorts({ hostNetwork, initContainers = [], containers = [] }: PodSpec): string[] {
  const sidecars = initContainers.filter(({ restartPolicy }) => restartPolicy === 'Always');
  return [...sidecars, ...containers]
    .flatMap(({ ports }) => ports ?? [])
    .flatMap(({ hostPort, containerPort, protocol = 'TCP' }) => {
      const port = hostNetwork === true ? (hostPort ?? containerPort) : hostPort;
      return port === undefined || port === 0 ? [] : [`${protocol} ${port}`];
    });
}

export function selects(
  { matchLabels, matchExpressions }: LabelSelector,
  labels: Record<string, string>,
): boolean {
  const equal = Object.entries(matchLabels ?? {}).every(([key, value]) => labels[key] === value);
  return equal && (matchExpressions ?? []).every((one) => holds(one, labels));
}

export function holds({ key, operator, values = [] }: Expression, labels: Record<string, string>): boolean {
  const value = labels[key];
  switch (operator) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'Gt':
      return Number(value) > Number(values[0]);
    case 'Lt':
      return Number(value) < Number(values[0]);
    default:
      return true;
  }
}
