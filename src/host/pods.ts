import { causeChain } from '../errors.ts';
import { foreign } from '../foreign.ts';
import type { KubeObject, Kubectl } from './kubectl.ts';

export interface ContainerStatus {
  name: string;
  image: string;
  /** `sha256:HEX` of the image's configuration, sometimes with a registry's name in front. */
  imageID: string;
  ready: boolean;
  restartCount: number;
  state?: {
    waiting?: { reason?: string; message?: string };
    running?: { startedAt?: string };
    terminated?: { reason?: string; exitCode?: number; message?: string };
  };
  lastState?: { terminated?: { reason?: string; exitCode?: number; message?: string } };
}

export interface Pod extends KubeObject {
  spec: { nodeName?: string; restartPolicy?: string; containers: { name: string; image: string }[] };
  status: {
    phase: string;
    podIP?: string;
    reason?: string;
    message?: string;
    conditions?: { type: string; status: string; reason?: string; message?: string }[];
    containerStatuses?: ContainerStatus[];
    initContainerStatuses?: ContainerStatus[];
  };
}

export interface PodState {
  name: string;
  phase: string;
  ready: boolean;
  /** It ends by itself, as a Job's and a hook's, or has ended well: it never has to be ready. */
  ends: boolean;
  /** Being deleted, as seen by the server. */
  ending: boolean;
  restarts: number;
  containers: { name: string; image: string; imageId: string; ready: boolean }[];
  /** Kubernetes' reason why it is not ready; empty for a ready pod. */
  trouble: string[];
}

export function podState(pod: Pod): PodState {
  const statuses = pod.status.containerStatuses ?? [];
  const ready =
    pod.status.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True') ?? false;
  return {
    name: pod.metadata.name,
    phase: pod.status.phase,
    ready,
    ends: endsByItself(pod),
    ending: pod.metadata.deletionTimestamp !== undefined,
    restarts: statuses.reduce((sum, { restartCount }) => sum + restartCount, 0),
    containers: statuses.map(({ name, image, imageID, ready: containerReady }) => ({
      name,
      image,
      imageId: imageID.slice(imageID.lastIndexOf('@') + 1),
      ready: containerReady,
    })),
    trouble: ready ? [] : trouble(pod),
  };
}

/** Whether nothing starts its containers again once they have ended well, as they may have. */
export const endsByItself = ({ spec: { restartPolicy }, status }: Pod): boolean =>
  restartPolicy === 'Never' || restartPolicy === 'OnFailure' || status.phase === 'Succeeded';

function trouble(pod: Pod): string[] {
  const lines: string[] = [];
  if (pod.status.reason !== undefined) lines.push(join(pod.status.reason, pod.status.message));
  for (const status of [
    ...(pod.status.initContainerStatuses ?? []),
    ...(pod.status.containerStatuses ?? []),
  ]) {
    const { waiting, terminated } = status.state ?? {};
    if (waiting !== undefined) lines.push(`${status.name}: ${join(waiting.reason, waiting.message)}`);
    else if (terminated !== undefined && terminated.exitCode !== 0) {
      lines.push(
        `${status.name}: ${join(terminated.reason, terminated.message)}, exit code ${terminated.exitCode}`,
      );
    } else if (!status.ready && terminated === undefined) lines.push(`${status.name}: runs but is not ready`);
    const last = status.lastState?.terminated;
    if (last !== undefined) {
      lines.push(
        `${status.name}: ended before with exit code ${last.exitCode} (${last.reason ?? 'no reason given'})`,
      );
    }
  }
  for (const { type, status, message } of pod.status.conditions ?? []) {
    if (type === 'PodScheduled' && status === 'False') lines.push(join('not scheduled', message));
  }
  return lines;
}

const readiness = ({ ready, ends }: PodState): string => (ends ? '' : ready ? ', ready' : ', not ready');

const join = (reason: string | undefined, message: string | undefined) =>
  [reason, foreign(message ?? '')].filter((text) => text !== undefined && text !== '').join(': ') ||
  'no reason given';

export async function listPods(
  kubectl: Kubectl,
  scope: { namespace: string; selector?: string; signal?: AbortSignal },
): Promise<PodState[]> {
  return (await kubectl.list<Pod>('pods', scope)).map(podState);
}

/**
 * What pods say about their trouble, with the last lines of their logs: for the message of a failed probe.
 * Never throws.
 */
export async function describePods(
  kubectl: Kubectl,
  scope: { namespace: string; selector?: string; signal?: AbortSignal },
  tailLines = 5,
): Promise<string[]> {
  try {
    const lines: string[] = [];
    const pods = (await listPods(kubectl, scope)).filter(({ phase }) => phase !== 'Succeeded');
    if (pods.length === 0) lines.push(`no pod matches ${scope.selector ?? 'in the namespace'}`);
    for (const pod of pods) {
      const restarts = pod.restarts === 0 ? '' : `, ${pod.restarts} restarts`;
      lines.push(`pod ${pod.name}: ${pod.phase}${readiness(pod)}${restarts}`);
      lines.push(...pod.trouble.map((line) => `  ${line}`));
      const log = await kubectl
        .logs({ namespace: scope.namespace, pod: pod.name }, { tailLines })
        .catch(() => '');
      lines.push(
        ...log
          .trimEnd()
          .split('\n')
          .filter(Boolean)
          .map((line) => `  log: ${foreign(line)}`),
      );
    }
    return lines;
  } catch (error) {
    return [`the pods could not be read: ${causeChain(error)[0] ?? ''}`];
  }
}
