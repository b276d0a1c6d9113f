import { foreign } from '../foreign.ts';
import type { ContainerStatus, Pod } from '../host/pods.ts';
import type { KubeEvent } from '../host/namespace-view.ts';

/**
 * Why a pod does not serve, from the most to the least certain: `unschedulable` has no node, `image` has no
 * image, `config` cannot be started as described, `stuck` waits for a volume or its sandbox, `crash` keeps
 * ending, `unready` runs or is just starting.
 */
export const podKinds = ['unschedulable', 'image', 'config', 'stuck', 'crash', 'unready'] as const;

export interface PodTrouble {
  kind: (typeof podKinds)[number];
  /** Kubernetes' own message, on one line. */
  message: string;
  /** The container whose last output may say more; undefined where none has run. */
  container: string | undefined;
  /** Whether a container that is not ready is running now: it may be working. */
  runs: boolean;
}

type Found = Omit<PodTrouble, 'runs'>;

const noImage = /^(ErrImageNeverPull|ImagePullBackOff|ErrImagePull|InvalidImageName|ImageInspectError)$/;
const noStart =
  /^(CreateContainerConfigError|CreateContainerError|RunContainerError|PreCreateHookError|PostStartHookError)$/;
const startsBadly = /^(StartError|ContainerCannotRun)$/;
const stuckEvents = /^(FailedMount|FailedAttachVolume|FailedCreatePodSandBox|FailedMapVolume)$/;

/** A crash-looping container that runs for longer than this got further than before. */
const loopRunMs = 60_000;

const join = (...parts: (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined && part.trim() !== '').join(': ');

/** A message of the cluster, on one line. */
const said = (message: string | undefined): string => foreign((message ?? '').replaceAll(/\s+/g, ' ').trim());

/**
 * Undefined for a pod that serves, has completed or is being deleted. `events` are the pod's own, oldest
 * first.
 */
export function podTrouble(pod: Pod, events: readonly KubeEvent[], now: Date): PodTrouble | undefined {
  const { status } = pod;
  const containers = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const found = foundOf(pod, events, now);
  return (
    found && { ...found, runs: containers.some((one) => !one.ready && one.state?.running !== undefined) }
  );
}

function foundOf(pod: Pod, events: readonly KubeEvent[], now: Date): Found | undefined {
  const { status, metadata, spec } = pod;
  if (metadata.deletionTimestamp !== undefined || status.phase === 'Succeeded') return undefined;
  const condition = (type: string) => status.conditions?.find((one) => one.type === type);
  if (condition('Ready')?.status === 'True') return undefined;
  const scheduled = condition('PodScheduled');
  if (scheduled?.status === 'False') {
    const kind = scheduled.reason === 'Unschedulable' ? 'unschedulable' : 'unready';
    return { kind, message: join('no node accepts it', said(scheduled.message)), container: undefined };
  }
  const serves = (spec.restartPolicy ?? 'Always') === 'Always';
  const found = [
    ...(status.initContainerStatuses ?? []).map((one) =>
      containerTrouble(one, now, { init: true, serves: false }),
    ),
    ...(status.containerStatuses ?? []).map((one) => containerTrouble(one, now, { init: false, serves })),
  ].filter((one) => one !== undefined);
  const worst = podKinds
    .map((kind) => found.find((one) => one.kind === kind))
    .find((one) => one !== undefined);
  if (worst !== undefined && worst.kind !== 'unready') return worst;
  const last = events.at(-1);
  if (last !== undefined && stuckEvents.test(last.reason)) {
    return { kind: 'stuck', message: join(last.reason, said(last.message)), container: undefined };
  }
  if (worst !== undefined) return worst;
  const message = status.reason === undefined ? 'is not ready' : join(status.reason, said(status.message));
  return { kind: 'unready', message, container: undefined };
}

/** `serves`: it is meant to run forever, so that any end is a failure. */
function containerTrouble(
  one: ContainerStatus,
  now: Date,
  { init, serves }: { init: boolean; serves: boolean },
): Found | undefined {
  const { name, state, lastState, restartCount, ready } = one;
  const { waiting, terminated, running } = state ?? {};
  const trouble = (kind: PodTrouble['kind'], message: string, hasRun: boolean) => ({
    kind,
    message: `${init ? 'init container ' : ''}${name}: ${message}`,
    container: hasRun ? name : undefined,
  });
  const ended = terminated ?? lastState?.terminated;
  const badly = ended !== undefined && (serves || ended.exitCode !== 0);
  const longRun = running !== undefined && now.getTime() - Date.parse(running.startedAt ?? '') >= loopRunMs;
  if (waiting?.reason !== undefined) {
    const message = join(waiting.reason, said(waiting.message));
    if (noImage.test(waiting.reason)) return trouble('image', message, false);
    if (noStart.test(waiting.reason)) return trouble('config', message, false);
  }
  if (badly && !longRun && startsBadly.test(ended.reason ?? '')) {
    return trouble('config', join(ended.reason, said(ended.message)), false);
  }
  if (waiting?.reason === 'CrashLoopBackOff' || (badly && terminated !== undefined)) {
    return trouble('crash', endText(ended, restartCount), true);
  }
  if (ready || (!serves && terminated?.exitCode === 0)) return undefined;
  if (running !== undefined) {
    // Between two waits of a crash loop a container runs for a moment.
    if (badly && !longRun) return trouble('crash', endText(ended, restartCount), true);
    return trouble('unready', init ? 'is still running' : 'runs but is not ready', true);
  }
  return trouble('unready', 'has not started', false);
}

function endText(
  ended: { reason?: string; exitCode?: number; message?: string } | undefined,
  restarts: number,
): string {
  const code = ended === undefined ? 'keeps ending' : `ended with exit code ${ended.exitCode ?? '?'}`;
  const says = ended?.reason !== undefined && !/^(Error|Completed)$/.test(ended.reason);
  const reason = says ? ` (${ended.reason})` : '';
  const again = restarts === 0 ? '' : `, restarted ${restarts === 1 ? 'once' : `${restarts} times`}`;
  return `${code}${reason}${again}`;
}
