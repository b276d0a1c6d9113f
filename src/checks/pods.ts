import { endsByItself, type Pod, podState } from '../host/pods.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import { sudo } from '../shell-word.ts';

export const pods: Check<UpgradeCheckContext> = {
  id: 'pods',
  kind: 'health',
  title: 'No pod crash-loops',
  limit: 'no container waits in a crash loop or for its image',
  why: 'an upgrade would be blamed for damage that was there before',
  fix: `${sudo.kubectl} get pods -A`,
  timeoutSeconds: 60,
  flows: ['upgrade'],
  measure: async ({ product }, facts) => judgePods((await facts.cluster()).pods, product.namespace),
};

/** Reasons for which a container waits forever. */
const stuckReasons =
  /^(CrashLoopBackOff|ImagePullBackOff|ErrImagePull|ErrImageNeverPull|InvalidImageName|CreateContainerConfigError|CreateContainerError|RunContainerError)$/;

/** A container that is not ready and has failed this often is in a crash loop. */
const loopRestarts = 3;

type Status = NonNullable<Pod['status']['containerStatuses']>[number];

function stuckReason({ ready, restartCount, state, lastState }: Status): string | undefined {
  const { waiting, terminated } = state ?? {};
  if (waiting?.reason !== undefined && stuckReasons.test(waiting.reason)) return waiting.reason;
  // Between two waits of a crash loop a container has just ended, or runs for a moment.
  const ended = terminated ?? (restartCount >= loopRestarts ? lastState?.terminated : undefined);
  if (ready || restartCount === 0 || (ended?.exitCode ?? 0) === 0) return undefined;
  return `exit code ${ended?.exitCode}, restarted ${restartCount} times`;
}

const reasons = ({ status }: Pod): string[] =>
  [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])].flatMap((one) => {
    const reason = stuckReason(one);
    return reason === undefined ? [] : [`${one.name}: ${reason}`];
  });

export function judgePods(pods: readonly Pod[], namespace: string): Measurement {
  const there = pods.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
  const living = there.filter((pod) => !endsByItself(pod));
  const isLooping = (pod: Pod) => reasons(pod).length > 0;
  // A Job that fails serves nobody: it is told, and blocks nothing.
  for (const [outcome, looping] of [
    ['fail', living.filter(isLooping)],
    ['warn', there.filter((pod) => endsByItself(pod) && isLooping(pod))],
  ] as const) {
    const [first] = looping;
    if (first === undefined) continue;
    const names = looping.map((pod) => `${pod.metadata.name} (${reasons(pod).join(', ')})`);
    return {
      outcome,
      measured: names.join(', '),
      fix: `${sudo.kubectl} describe pod -n ${namespace} ${first.metadata.name}`,
      output: looping.flatMap((pod) => podState(pod).trouble).join('\n'),
    };
  }
  const waiting = living.filter((pod) => !podState(pod).ready);
  if (waiting.length > 0) {
    return {
      outcome: 'warn',
      measured:
        `${waiting.length} of ${living.length} not ready: ` +
        `${waiting.map(({ metadata }) => metadata.name).join(', ')}`,
      fix: `${sudo.kubectl} get pods -n ${namespace}`,
    };
  }
  return { outcome: 'ok', measured: `${living.length} of ${living.length} ready` };
}
