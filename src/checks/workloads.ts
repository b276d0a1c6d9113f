import { type Pod, podState } from '../host/pods.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { CheckContext, HostFacts } from './facts.ts';
import type { Claim } from '../release/cluster-objects.ts';

/** Reasons for which a container waits without an end of its own. */
const hopeless =
  /^(CrashLoopBackOff|ImagePullBackOff|ErrImagePull|ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError|RunContainerError)$/;

/** So often a container that is not ready now has ended badly before that it is one of a loop. */
const loopRestarts = 3;

type Status = NonNullable<Pod['status']['containerStatuses']>[number];

function hopelessness({ ready, restartCount, state, lastState }: Status): string | undefined {
  const { waiting, terminated } = state ?? {};
  if (waiting?.reason !== undefined && hopeless.test(waiting.reason)) return waiting.reason;
  // Between two waits of a crash loop a container has just ended, or runs for a moment.
  const ended = terminated ?? (restartCount >= loopRestarts ? lastState?.terminated : undefined);
  if (ready || restartCount === 0 || (ended?.exitCode ?? 0) === 0) return undefined;
  return `exit code ${ended?.exitCode}, restarted ${restartCount} times`;
}

const reasons = ({ status }: Pod): string[] =>
  [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].flatMap((one) => {
    const reason = hopelessness(one);
    return reason === undefined ? [] : [`${one.name}: ${reason}`];
  });

export async function checkPods({ product }: CheckContext, facts: HostFacts): Promise<Measurement> {
  return judgePods((await facts.cluster()).pods, product.namespace);
}

export function judgePods(pods: readonly Pod[], namespace: string): Measurement {
  const limit = 'none crash-loops or waits for its image';
  const living = pods.filter(
    ({ metadata, status }) => metadata.deletionTimestamp === undefined && status.phase !== 'Succeeded',
  );
  const looping = living.filter((pod) => reasons(pod).length > 0);
  const [first] = looping;
  if (first !== undefined) {
    const names = looping.map((pod) => `${pod.metadata.name} (${reasons(pod).join(', ')})`);
    return {
      outcome: 'fail',
      measured: names.join(', '),
      limit,
      fix: `k3s kubectl describe pod -n ${namespace} ${first.metadata.name}`,
      output: looping.flatMap((pod) => podState(pod).trouble).join('\n'),
    };
  }
  const waiting = living.filter((pod) => !podState(pod).ready);
  if (waiting.length > 0) {
    return {
      outcome: 'warn',
      measured: `${waiting.length} of ${living.length} not ready: ${waiting.map(({ metadata }) => metadata.name).join(', ')}`,
      limit,
      fix: `k3s kubectl get pods -n ${namespace}`,
    };
  }
  return { outcome: 'ok', measured: `${living.length} of ${living.length} ready`, limit };
}

export async function checkClaims({ product }: CheckContext, facts: HostFacts): Promise<Measurement> {
  const { claims } = await facts.cluster();
  return judgeClaims(claims, product.database.volume.claim, product.namespace);
}

export function judgeClaims(claims: readonly Claim[], needed: string, namespace: string): Measurement {
  const limit = `all Bound, ${needed} among them`;
  const fix = `k3s kubectl describe pvc -n ${namespace}`;
  const loose = claims.filter(({ status }) => status?.phase !== 'Bound');
  const words = loose.map(({ metadata, status }) => `${metadata.name} is ${status?.phase ?? 'unknown'}`);
  if (!claims.some(({ metadata }) => metadata.name === needed)) words.unshift(`${needed} is missing`);
  if (words.length > 0) return { outcome: 'fail', measured: words.join(', '), limit, fix };
  return { outcome: 'ok', measured: `${claims.length} of ${claims.length} Bound`, limit };
}
