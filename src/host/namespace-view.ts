import type { Kubectl, KubeObject } from './kubectl.ts';
import type { Pod } from './pods.ts';

/** An event of the namespace; times are whole seconds, and one that repeats is counted. */
export interface KubeEvent extends KubeObject {
  involvedObject: { kind: string; name: string; uid?: string };
  reason: string;
  message: string;
  lastTimestamp?: string | null;
  eventTime?: string | null;
  series?: { lastObservedTime?: string };
}

/** What makes pods: Deployment, ReplicaSet, StatefulSet, DaemonSet, Job. */
export interface Controller extends KubeObject {
  spec?: { replicas?: number; template?: { metadata?: { labels?: Record<string, string> } } };
  status?: {
    observedGeneration?: number;
    replicas?: number;
    readyReplicas?: number;
    updatedReplicas?: number;
    desiredNumberScheduled?: number;
    currentNumberScheduled?: number;
    numberReady?: number;
    active?: number;
    updatedNumberScheduled?: number;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
  };
}

/** A namespace at one instant: pods, what makes them, and what was said of both. */
export interface NamespaceView {
  pods: Pod[];
  controllers: Controller[];
  /** Oldest first. */
  events: KubeEvent[];
}

const kinds = 'pods,events,deployments,replicasets,statefulsets,daemonsets,jobs';

const lastSeen = ({ lastTimestamp, eventTime, series, metadata }: KubeEvent): number =>
  Date.parse(series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? metadata.creationTimestamp ?? '');

export async function readNamespace(
  kubectl: Kubectl,
  scope: { namespace: string; signal?: AbortSignal },
): Promise<NamespaceView> {
  const objects = await kubectl.list(kinds, scope);
  const events = objects.filter(({ kind }) => kind === 'Event') as KubeEvent[];
  return {
    pods: objects.filter(({ kind }) => kind === 'Pod') as Pod[],
    controllers: objects.filter(({ kind }) => kind !== 'Pod' && kind !== 'Event') as Controller[],
    events: events.sort((a, b) => lastSeen(a) - lastSeen(b)),
  };
}
