import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../host/kubectl.ts';
import type { Pod } from '../host/pods.ts';
import { bootId } from '../host/system.ts';
import { repels } from '../policy/node-fit.ts';
import { podNeeds, type PodLike, type PodNeeds } from '../policy/pod-needs.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { quantity } from '../policy/quantity.ts';
import { quotaOf } from '../policy/quota-use.ts';
import { type Obstacle, obstacleTo, type Place, rehearse, type Rollout } from '../policy/rollout.ts';
import { type PodTrial, templateOf } from '../release/pod-trials.ts';
import type { ServerAnswers, ServerObject } from '../release/answered-objects.ts';
import { leaving } from '../release/server-answers.ts';
import type { ClusterObjects, NodeObject } from '../release/cluster-objects.ts';

const limit = 'every new pod has its place while old ones still run';

/** Whether the pods that the upgrade makes can run: node, quotas, what is free, in the order in which a rollout goes. */
export function checkSchedule(
  answers: ServerAnswers,
  trials: readonly PodTrial[],
  cluster: ClusterObjects,
  usual: string,
): Measurement[] {
  const { objects, deployed } = answers;
  const node = ourNode(cluster.nodes);
  if (node === undefined) return [unknownNode(cluster.nodes)];
  const living = cluster.allPods.filter(({ status }) => !/^(Succeeded|Failed)$/.test(status.phase));
  const needs = new Map(living.map((pod) => [pod, podNeeds(pod as PodLike, usual)]));
  const of = (pods: readonly Pod[]) => pods.map((pod) => needs.get(pod) as PodNeeds);
  const claimed = new Set<Pod>();
  const rollouts: Rollout[] = [];
  for (const trial of trials.filter(({ owner }) => owner === 'release')) {
    const next = trial.answer?.next;
    const { live } = trial.answer ?? {};
    const own = live === undefined ? [] : podsOf(live, living, usual);
    if (next === undefined) continue;
    const rollout = rolloutOf(trial, next, of(own), usual);
    if (live !== undefined && isDeepStrictEqual(templateOf(next), templateOf(live))) {
      // More of the same: those that have their place stay.
      const [placed, waiting] = [true, false].map((has) => own.filter((pod) => isPlaced(pod) === has));
      const replicas = Math.max(0, rollout.replicas - (placed?.length ?? 0));
      rollouts.push({
        ...rollout,
        old: of(waiting ?? []),
        surge: 0,
        unavailable: rollout.replicas,
        replicas,
      });
      continue;
    }
    for (const pod of own) claimed.add(pod);
    rollouts.push(rollout);
  }
  for (const { live, next, manifest } of objects) {
    if (live === undefined || trials.some(({ answer }) => answer?.next === next)) continue;
    // Helm waits for those that nothing has placed so far, too.
    for (const pod of podsOf(live, living, usual).filter((one) => !isPlaced(one))) {
      const [waits] = of([pod]) as [PodNeeds];
      const workload = `${manifest.kind}/${manifest.metadata.name}`;
      rollouts.push({ workload, next: waits, replicas: 1, surge: 0, unavailable: 1, old: [waits] });
    }
  }
  // Helm removes what the chart no longer has before it waits for the rest.
  const gone = leaving(answers).flatMap((one) => {
    const live = deployed?.live(one);
    return live === undefined ? [] : podsOf(live, living, usual);
  });
  for (const pod of gone) claimed.add(pod);
  const facts = nodeFacts(node);
  const others = living.filter((pod) => pod.spec.nodeName === facts.name && !claimed.has(pod));
  const place: Place = { node: facts, others: of(others), quotas: cluster.quotas.map(quotaOf) };
  const old = of([...claimed]);
  const hooks = trials
    .filter(({ owner }) => owner === 'before')
    .map(({ workload, pod }) => obstacleTo(workload, podNeeds(pod, usual), place, old))
    .filter((one) => one !== undefined);
  const obstacles = [...hooks, ...rehearse([...rollouts, ...departures(of(gone))], place)];
  const elsewhere = strayPods(trials, cluster.nodes, node, usual);
  const found = [...grouped(obstacles), ...elsewhere];
  if (found.length > 0) return found;
  const measured =
    trials.length === 0 ? 'no pod is made anew' : `${trials.length} pod templates fit on ${facts.name}`;
  return [{ outcome: 'ok', measured, limit }];
}

/** Before an install nothing is rendered yet: that the node takes pods, and is the only one, is what can be known. */
export function checkNodes(nodes: readonly NodeObject[]): Measurement[] {
  const node = ourNode(nodes);
  if (node === undefined) return [unknownNode(nodes)];
  const pod = podNeeds({ metadata: {}, spec: {} }, '');
  const repelled = repels(nodeFacts(node), pod);
  const name = node.metadata.name;
  const found =
    repelled === undefined
      ? []
      : [{ part: name, outcome: 'fail', measured: repelled.why, limit, fix: repelled.fix } as const];
  const others = nodes.filter((one) => one !== node && repels(nodeFacts(one), pod) === undefined);
  const all = [...found, ...others.map((one) => stray(one, name, 'a pod'))];
  return all.length > 0 ? all : [{ outcome: 'ok', measured: `${name} takes pods`, limit }];
}

/** This host's own among several, by the boot of its kernel. */
function ourNode(nodes: readonly NodeObject[]): NodeObject | undefined {
  if (nodes.length === 1) return nodes[0];
  return nodes.find(({ status }) => status.nodeInfo?.bootID === bootId());
}

const unknownNode = (nodes: readonly NodeObject[]): Measurement => ({
  outcome: 'fail',
  measured:
    nodes.length === 0
      ? 'the cluster has no node'
      : `none of the ${nodes.length} nodes is this host: ${nodes.map(({ metadata }) => metadata.name).join(', ')}`,
  limit,
  fix: 'k3s kubectl get nodes -o wide',
});

const nodeFacts = ({ metadata, spec, status }: NodeObject) => ({
  name: metadata.name,
  labels: metadata.labels ?? {},
  taints: spec?.taints ?? [],
  unschedulable: spec?.unschedulable === true,
  allocatable: Object.fromEntries(
    Object.entries(status.allocatable ?? {}).map(([name, value]) => [name, quantity(value)]),
  ),
});

function podsOf(live: ServerObject, living: readonly Pod[], usual: string): Pod[] {
  const { namespace = usual, name } = live.metadata;
  const kind = live.kind === 'Deployment' ? 'ReplicaSet' : live.kind;
  return living.filter(
    ({ metadata }) =>
      (metadata.namespace ?? usual) === namespace &&
      (metadata as OwnedMetadata).ownerReferences?.some(
        (owner) => owner.kind === kind && isOf(owner.name, name, kind),
      ),
  );
}

const isPlaced = ({ spec }: Pod) => spec.nodeName !== undefined;

type OwnedMetadata = KubeObject['metadata'] & { ownerReferences?: { kind: string; name: string }[] };

/** A ReplicaSet is named after its Deployment, with a hash. */
const isOf = (owner: string, name: string, kind: string) =>
  owner === name ||
  (kind === 'ReplicaSet' && owner.startsWith(`${name}-`) && !owner.slice(name.length + 1).includes('-'));

function rolloutOf({ workload, pod }: PodTrial, next: ServerObject, old: PodNeeds[], usual: string): Rollout {
  const spec = (next.spec ?? {}) as {
    replicas?: number;
    parallelism?: number;
    strategy?: Strategy;
    updateStrategy?: Strategy;
  };
  const replicas = spec.replicas ?? (next.kind === 'DaemonSet' ? 1 : (spec.parallelism ?? 1));
  const needs = podNeeds(pod, usual);
  const { type, rollingUpdate = {} } = spec.strategy ?? spec.updateStrategy ?? {};
  const base = { workload, next: needs, replicas, old };
  // Nothing happens before somebody deletes the pods.
  if (type === 'OnDelete') return { ...base, replicas: 0, old: [], surge: 0, unavailable: 0 };
  if (next.kind === 'StatefulSet')
    return {
      ...base,
      surge: 0,
      unavailable: Math.max(1, count(rollingUpdate.maxUnavailable, replicas, 'down')),
    };
  if (next.kind === 'Job' || next.kind === 'CronJob' || type === 'Recreate')
    return { ...base, surge: 0, unavailable: Math.max(replicas, old.length) };
  const surge = count(rollingUpdate.maxSurge, replicas, 'up');
  const unavailable = count(rollingUpdate.maxUnavailable, replicas, 'down');
  // Kubernetes lets one go where both round to nothing.
  return { ...base, surge, unavailable: surge === 0 && unavailable === 0 ? 1 : unavailable };
}

interface Strategy {
  type?: string;
  rollingUpdate?: { maxSurge?: number | string; maxUnavailable?: number | string };
}

function count(value: number | string | undefined, replicas: number, rounds: 'up' | 'down'): number {
  if (typeof value !== 'string') return value ?? 0;
  const part = (Number.parseFloat(value) * replicas) / 100;
  return rounds === 'up' ? Math.ceil(part) : Math.floor(part);
}

/** Pods that end and are not made again. */
const departures = (gone: readonly PodNeeds[]): Rollout[] =>
  gone.map((pod) => ({ workload: '', next: pod, replicas: 0, surge: 0, unavailable: 1, old: [pod] }));

/** One line for each cause, however many workloads it keeps. */
function grouped(obstacles: readonly Obstacle[]): Measurement[] {
  const groups = Map.groupBy(obstacles, ({ part, why }) => `${part} ${why}`);
  return [...groups.values()].map((same) => {
    const [{ part, why, fix }] = same as [Obstacle, ...Obstacle[]];
    const names = [...new Set(same.map(({ workload }) => workload))].join(', ');
    return { part, outcome: 'fail', measured: `${names}: ${why}`, limit, fix };
  });
}

const stray = ({ metadata: { name } }: NodeObject, ours: string, what: string): Measurement => ({
  part: name,
  outcome: 'fail',
  measured: `${what} may be placed on node ${name}, which has neither the images nor the volumes of ${ours}`,
  limit,
  fix: `k3s kubectl cordon ${name}`,
});

function strayPods(
  trials: readonly PodTrial[],
  nodes: readonly NodeObject[],
  ours: NodeObject,
  usual: string,
): Measurement[] {
  return nodes
    .filter((node) => node !== ours)
    .flatMap((node) => {
      const free = trials.filter(({ pod }) => repels(nodeFacts(node), podNeeds(pod, usual)) === undefined);
      const names = free.map(({ workload }) => workload).join(', ');
      return free.length === 0 ? [] : [stray(node, ours.metadata.name, `a new pod of ${names}`)];
    });
}
