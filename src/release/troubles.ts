import { foreign } from '../foreign.ts';
import type { Pod } from '../host/pods.ts';
import type { Controller, KubeEvent, NamespaceView } from '../host/namespace-view.ts';
import { isOfRelease, type ReleaseName } from './release-marks.ts';
import { podKinds, podTrouble, type PodTrouble } from './pod-trouble.ts';
import { matchesSelector } from '../policy/label-selector.ts';

/**
 * One cause, once for all pods of a workload. `refused`: the server refuses its pods (quota, admission,
 * webhook); `job`: a Job has failed for good; `deadline`: a Deployment exceeded its deadline and nothing else
 * is known; the other kinds are those of pods.
 */
export interface Trouble {
  kind: PodTrouble['kind'] | 'refused' | 'job' | 'deadline';
  /** `Deployment/backend`. */
  workload: string;
  message: string;
  pods: string[];
  /** Whether it is known to belong to the release: Helm waits for nothing else. */
  ofRelease: boolean;
  /** Whether it is a hook, or created by one. */
  ofHook: boolean;
  /** Of the pods that have one. */
  addresses: string[];
  /** Whether a container of them that is not ready is running now. */
  runs: boolean;
  /** The Deployment has waited for as long as its chart allows. */
  overdue: boolean;
  /** The last answer of a probe. */
  probe: string | undefined;
  /** The last event that says more than `message`. */
  event: string | undefined;
  log: { pod: string; container: string } | undefined;
}

export interface Looking {
  now: Date;
  /** When this Helm started: earlier Jobs are no cause. Undefined where none did: then no Job is a cause. */
  since: Date | undefined;
  /** Objects of others in the namespace are no cause of this release's state; undefined: of any owner. */
  release?: ReleaseName;
  /** Only pods with these labels, and their controllers. */
  selector?: string;
}

const hookMark = 'helm.sh/hook';
const isHook = ({ metadata }: Controller | Pod): boolean => metadata.annotations?.[hookMark] !== undefined;

/** All that keeps the namespace's workloads from serving, the most certain first. */
export function troublesOf(view: NamespaceView, looking: Looking): Trouble[] {
  const eventsOf = eventFinder(view.events);
  const byKey = new Map<string, Trouble>();
  for (const pod of view.pods) {
    const owner = workloadOf(pod, view.controllers);
    if (!matchesSelector(pod.metadata.labels, looking.selector ?? '')) continue;
    if (isPast(owner, looking) || isPast(pod, looking) || isOthers(owner, looking)) continue;
    const events = eventsOf(pod);
    const found = podTrouble(pod, events, looking.now);
    if (found === undefined) continue;
    const { kind, message, container, runs } = found;
    const workload = nameOf(owner ?? pod);
    const known = byKey.get(`${workload} ${kind}`);
    const addresses = pod.status.podIP === undefined ? [] : [pod.status.podIP];
    if (known !== undefined) {
      known.pods.push(pod.metadata.name);
      known.addresses.push(...addresses);
      known.runs ||= runs;
    } else {
      byKey.set(`${workload} ${kind}`, {
        kind,
        workload,
        message,
        pods: [pod.metadata.name],
        addresses,
        runs,
        ofRelease: owner !== undefined && looking.release !== undefined,
        ofHook: isHook(owner ?? pod),
        overdue: false,
        probe: lastAnswer(events),
        event: telling(events, message),
        log: container === undefined ? undefined : { pod: pod.metadata.name, container },
      });
    }
  }
  const podTroubles = [...byKey.values()];
  const made = view.controllers.flatMap((controller) => {
    const labels = controller.spec?.template?.metadata?.labels;
    if (!matchesSelector(labels, looking.selector ?? '') || isPast(controller, looking)) return [];
    if (isOthers(controller, looking)) return [];
    const found = controllerTroubles(controller, eventsOf(controller), podTroubles);
    return found.map((trouble) => ({ ...trouble, ofRelease: looking.release !== undefined }));
  });
  return [...made, ...podTroubles].sort(surestFirst);
}

const order: Trouble['kind'][] = ['refused', 'job', ...podKinds, 'deadline'];
export const surestFirst = (a: Trouble, b: Trouble): number => order.indexOf(a.kind) - order.indexOf(b.kind);

/** A trouble that says more than that something waits. */
export const isSureTrouble = ({ kind }: Pick<Trouble, 'kind'>): boolean =>
  kind !== 'unready' && kind !== 'deadline';

/** Whether it may be working while it is not ready, also between two ends of a crash loop. */
export const mayBeAtWork = (trouble: Trouble): boolean => trouble.runs || !isSureTrouble(trouble);

/**
 * Causes, and what may only be a consequence: a pod that waits for another workload has no failure of its
 * own.
 */
export function causesOf(troubles: readonly Trouble[]): { causes: Trouble[]; following: Trouble[] } {
  const sure = troubles.filter(isSureTrouble);
  if (sure.length === 0) return { causes: [...troubles], following: [] };
  const names = new Set(sure.map(({ workload }) => workload));
  return {
    causes: sure,
    following: troubles.filter((trouble) => !isSureTrouble(trouble) && !names.has(trouble.workload)),
  };
}

/** Troubles that only the controller knows; marks those of pods that are overdue. */
function controllerTroubles(
  controller: Controller,
  events: readonly KubeEvent[],
  podTroubles: Trouble[],
): Trouble[] {
  const { kind, metadata, status } = controller;
  const workload = nameOf(controller);
  const none = {
    workload,
    pods: [],
    addresses: [],
    runs: false,
    ofRelease: false,
    ofHook: isHook(controller),
    overdue: false,
    probe: undefined,
    event: undefined,
    log: undefined,
  };
  const current = isObserved(controller);
  const condition = (type: string, value: string) =>
    status?.conditions?.find((one) => one.type === type && one.status === value);
  const own = podTroubles.filter((trouble) => trouble.workload === workload);
  if (kind === 'Job') {
    const failed = condition('Failed', 'True');
    const refusal = failed === undefined && lacksPods(controller) ? lastRefusal(events) : undefined;
    if (refusal !== undefined) return [{ ...none, kind: 'refused', message: refusalText(refusal) }];
    if (failed === undefined) return [];
    const hook = metadata.annotations?.[hookMark];
    const message =
      `${hook === undefined ? 'the Job' : `the ${hook} hook`} failed: ` +
      `${foreign(failed.reason ?? failed.message ?? 'no reason given')}`;
    const [pod] = own;
    // The end of its pods is the same cause.
    for (const one of own) podTroubles.splice(podTroubles.indexOf(one), 1);
    return [
      { ...none, ...pod, kind: 'job', message: pod === undefined ? message : `${message}; ${pod.message}` },
    ];
  }
  const found: Trouble[] = [];
  const refusal =
    condition('ReplicaFailure', 'True')?.message ?? (lacksPods(controller) ? lastRefusal(events) : undefined);
  if (refusal !== undefined && kind !== 'ReplicaSet') {
    found.push({ ...none, kind: 'refused', message: refusalText(refusal) });
  }
  const late = condition('Progressing', 'False');
  if (current && late?.reason === 'ProgressDeadlineExceeded') {
    if (own.length === 0 && found.length === 0) {
      found.push({
        ...none,
        kind: 'deadline',
        message: foreign(oneLine(late.message ?? 'progress deadline exceeded')),
      });
    }
    for (const one of [...own, ...found]) one.overdue = true;
  }
  return found;
}

/** The last answer to its probe, with the URL or command. */
function lastAnswer(events: readonly KubeEvent[]): string | undefined {
  const last = events.findLast(({ reason }) => reason === 'Unhealthy');
  return last === undefined ? undefined : foreign(oneLine(last.message));
}

/**
 * The server's refusal without what differs from pod to pod (its name, what it requests, its containers) and
 * from one moment to the next (what is used): one quota is one cause, however many pods it refuses.
 */
function refusalText(refusal: string): string {
  const message = oneLine(refusal)
    .replace(/^(Error creating: |create Pod \S+ in StatefulSet \S+ failed( error)?: )/, '')
    .replace(/^pods "[^"]+" is forbidden: /, 'forbidden: ')
    .replace(/(exceeded quota: [^,]+), requested: .*?, used: .*?, limited: /, '$1, limited: ')
    .replace(/(failed quota: .*)/, (quota) => quota.replaceAll(/ for: [^;]+/g, ''));
  return `no pod can be created: ${foreign(message)}`;
}

const oneLine = (text: string): string => text.replaceAll(/\s+/g, ' ').trim();

/** `Deployment/backend`. */
const nameOf = ({ kind, metadata }: { kind: string; metadata: { name: string } }): string =>
  `${kind}/${metadata.name}`;

/** How many pods a workload should have, and how many of them are up to date and ready. */
export function podCount({ kind, spec, status }: Controller): { wanted: number; ready: number } | undefined {
  if (kind === 'DaemonSet') {
    const wanted = status?.desiredNumberScheduled ?? 0;
    return { wanted, ready: Math.min(status?.numberReady ?? 0, status?.updatedNumberScheduled ?? 0, wanted) };
  }
  if (kind !== 'Deployment' && kind !== 'StatefulSet') return undefined;
  const wanted = spec?.replicas ?? 1;
  return { wanted, ready: Math.min(status?.readyReplicas ?? 0, status?.updatedReplicas ?? 0, wanted) };
}

/** Whether a controller's status is of its present description. */
const isObserved = ({ metadata, status }: Controller): boolean =>
  (status?.observedGeneration ?? 0) >= (metadata.generation ?? 0);

/** Whether all pods of a controller are of its present description and ready. */
export function hasAllPods(controller: Controller): boolean {
  const count = podCount(controller);
  return isObserved(controller) && (count === undefined || count.ready === count.wanted);
}

function lacksPods(controller: Controller): boolean {
  const { kind, status } = controller;
  if (kind === 'Job') {
    const ended = status?.conditions?.some(({ type, status: is }) => type === 'Complete' && is === 'True');
    return ended !== true && (status?.active ?? 0) === 0;
  }
  if (kind === 'DaemonSet') {
    return (status?.currentNumberScheduled ?? 0) < (status?.desiredNumberScheduled ?? 0);
  }
  return kind === 'StatefulSet' && (status?.replicas ?? 0) < (controller.spec?.replicas ?? 1);
}

function lastRefusal(events: readonly KubeEvent[]): string | undefined {
  const last = events.findLast(({ reason }) => reason === 'FailedCreate' || reason === 'SuccessfulCreate');
  return last?.reason === 'FailedCreate' ? last.message : undefined;
}

/** Events that only repeat the pod's own status, or that belong to every start. */
const silent =
  /^(Failed|Unhealthy|Scheduled|Pulled|Pulling|Created|Started|Killing|BackOff|SuccessfulCreate|FailedScheduling|SandboxChanged|NodeNotReady)$/;

function telling(events: readonly KubeEvent[], message: string): string | undefined {
  const last = events.findLast(({ reason }) => !silent.test(reason));
  if (last === undefined) return undefined;
  const latest = oneLine(last.message);
  return message.includes(latest) ? undefined : `${last.reason}: ${foreign(latest)}`;
}

/** Events of an object by uid: an earlier object of the same name has others. */
function eventFinder(events: readonly KubeEvent[]) {
  return ({ kind, metadata }: Pod | Controller): KubeEvent[] =>
    events.filter(
      ({ involvedObject: { kind: ofKind, name, uid } }) =>
        ofKind === kind &&
        name === metadata.name &&
        (uid === undefined || metadata.uid === undefined || uid === metadata.uid),
    );
}

/** The object that an operator knows: for a Deployment's pod not its ReplicaSet. */
function workloadOf(pod: Pod, controllers: readonly Controller[]): Controller | undefined {
  const owner = (of: Pod | Controller) =>
    controllers.find((one) =>
      of.metadata.ownerReferences?.some(({ kind, name }) => kind === one.kind && name === one.metadata.name),
    );
  const first = owner(pod);
  return first === undefined ? undefined : (owner(first) ?? first);
}

/** A Job of a CronJob, or a Job or hook from before this Helm, is no cause of how Helm ends. */
function isPast(owner: Controller | Pod | undefined, { since }: Looking): boolean {
  if (owner === undefined) return false;
  if (owner.kind !== 'Job' && !isHook(owner)) return false;
  if (owner.metadata.ownerReferences?.some(({ kind }) => kind === 'CronJob') === true) return true;
  // The server's times are full seconds.
  const made = Date.parse(owner.metadata.creationTimestamp ?? '') + 999;
  return since === undefined || made < since.getTime();
}

/** Helm labels what it creates, and hooks are labelled by their chart. */
function isOthers(owner: Controller | undefined, { release }: Looking): boolean {
  if (owner === undefined || release === undefined || owner.kind === 'ReplicaSet') return false;
  return !isOfRelease(owner, release) && !isHook(owner);
}
