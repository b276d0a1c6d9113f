import type { Pod } from '../host/pods.ts';
import { bootId } from '../host/system.ts';
import { repels } from '../policy/node-fit.ts';
import { podNeeds, type PodLike, type PodNeeds } from '../policy/pod-needs.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { quantity } from '../policy/quantity.ts';
import { quotaOf } from '../policy/quota-use.ts';
import { type Obstacle, obstacleTo, type Place, simulateRollouts } from '../policy/rollout.ts';
import type { NodeObject } from '../release/cluster-objects.ts';
import type { PodTrial } from '../release/pod-trials.ts';
import { upgradeRollouts } from '../release/upgrade-rollouts.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import type { HostFacts } from './facts.ts';
import { sudo } from '../shell-word.ts';

export const schedule: Check = {
  id: 'schedule',
  kind: 'outage',
  title: 'New pods can be scheduled',
  limit: 'every new pod can be scheduled while old pods still run',
  limitInFull:
    'the node accepts them (cordon, taints, selectors, ports), free resources on it and in ' +
    'each quota are enough in the order of the rollout, no other node accepts them',
  why: 'old pods would stop, and nothing could start in their place',
  fix: `${sudo.kubectl} describe nodes`,
  timeoutSeconds: 180,
  flows: ['install', 'upgrade'],
  async measure(ctx, facts) {
    if (ctx.flow === 'upgrade') return placesOfUpgrade(ctx, facts);
    return placesOfNode((await facts.cluster()).nodes);
  },
};

/**
 * Whether the pods that the upgrade creates can run: node, quotas and free resources, in the order of a
 * rollout.
 */
async function placesOfUpgrade(ctx: UpgradeCheckContext, facts: HostFacts): Promise<Measurement[]> {
  const answers = await ctx.answers(ctx.signal);
  const trials = await ctx.podTrials();
  const { nodes, allPods, quotas } = await facts.cluster();
  const usual = ctx.product.namespace;
  const ours = ourNode(nodes);
  if (ours === undefined) return [unknownNode(nodes)];
  const living = allPods.filter(({ status }) => !/^(Succeeded|Failed)$/.test(status.phase));
  const needs = new Map(living.map((pod) => [pod, podNeeds(pod as PodLike, usual)]));
  const of = (pods: readonly Pod[]) => pods.map((pod) => needs.get(pod) as PodNeeds);
  const { rollouts, replaced } = upgradeRollouts(answers, trials, { living, of, usual });
  const node = nodeFacts(ours);
  const others = living.filter((pod) => pod.spec.nodeName === node.name && !replaced.has(pod));
  const place: Place = { node, others: of(others), quotas: quotas.map(quotaOf) };
  const old = of([...replaced]);
  const hooks = trials
    .filter(({ owner }) => owner === 'before')
    .map(({ workload, pod }) => obstacleTo(workload, podNeeds(pod, usual), place, old))
    .filter((one) => one !== undefined);
  const found = [
    ...grouped([...hooks, ...simulateRollouts(rollouts, place)]),
    ...strayPods(trials, nodes, ours, usual),
  ];
  if (found.length > 0) return found;
  const measured =
    trials.length === 0 ? 'no pod is replaced' : `${trials.length} pod templates fit on ${node.name}`;
  return [{ outcome: 'ok', measured }];
}

/**
 * Before an install nothing is rendered yet: only whether the node accepts pods, and is the only one that
 * does, can be checked.
 */
function placesOfNode(nodes: readonly NodeObject[]): Measurement[] {
  const node = ourNode(nodes);
  if (node === undefined) return [unknownNode(nodes)];
  const pod = podNeeds({ metadata: {}, spec: {} }, '');
  const repelled = repels(nodeFacts(node), pod);
  const name = node.metadata.name;
  const found =
    repelled === undefined
      ? []
      : [{ part: name, outcome: 'fail', measured: repelled.why, fix: repelled.fix } as const];
  const others = nodes.filter((one) => one !== node && repels(nodeFacts(one), pod) === undefined);
  const all = [...found, ...others.map((one) => stray(one, name, 'a pod'))];
  return all.length > 0 ? all : [{ outcome: 'ok', measured: `${name} accepts pods` }];
}

/** This host's node among several, by the boot id of its kernel. */
function ourNode(nodes: readonly NodeObject[]): NodeObject | undefined {
  if (nodes.length === 1) return nodes[0];
  return nodes.find(({ status }) => status.nodeInfo?.bootID === bootId());
}

const unknownNode = (nodes: readonly NodeObject[]): Measurement => ({
  outcome: 'fail',
  measured:
    nodes.length === 0
      ? 'the cluster has no node'
      : `none of the ${nodes.length} nodes is this host: ` +
        `${nodes.map(({ metadata }) => metadata.name).join(', ')}`,
  fix: `${sudo.kubectl} get nodes -o wide`,
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

/** One line for each cause, however many workloads it affects. */
function grouped(obstacles: readonly Obstacle[]): Measurement[] {
  const groups = Map.groupBy(obstacles, ({ part, why }) => `${part} ${why}`);
  return [...groups.values()].map((same) => {
    const [{ part, why, fix }] = same as [Obstacle, ...Obstacle[]];
    const names = [...new Set(same.map(({ workload }) => workload))].join(', ');
    return { part, outcome: 'fail', measured: `${names}: ${why}`, fix };
  });
}

const stray = ({ metadata: { name } }: NodeObject, ours: string, what: string): Measurement => ({
  part: name,
  outcome: 'fail',
  measured: `${what} may be placed on node ${name}, which has neither the images nor the volumes of ${ours}`,
  fix: `${sudo.kubectl} cordon ${name}`,
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
