import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../host/kubectl.ts';
import type { Pod } from '../host/pods.ts';
import { podNeeds, type PodNeeds } from '../policy/pod-needs.ts';
import type { Rollout } from '../policy/rollout.ts';
import type { ServerAnswers, ServerObject } from './answered-objects.ts';
import { type PodTrial, templateOf } from './pod-trials.ts';
import { removedObjects } from './server-answers.ts';

/** How the pods of the release change in an upgrade, in Helm's order, and which live ones are replaced. */
export function upgradeRollouts(
  answers: ServerAnswers,
  trials: readonly PodTrial[],
  { living, of, usual }: { living: readonly Pod[]; of: (pods: readonly Pod[]) => PodNeeds[]; usual: string },
): { rollouts: Rollout[]; replaced: ReadonlySet<Pod> } {
  const { objects, deployed } = answers;
  const replaced = new Set<Pod>();
  const rollouts: Rollout[] = [];
  for (const trial of trials.filter(({ owner }) => owner === 'release')) {
    const next = trial.answer?.next;
    const { live } = trial.answer ?? {};
    const own = live === undefined ? [] : podsOf(live, living, usual);
    if (next === undefined) continue;
    const rollout = rolloutOf(trial, next, of(own), usual);
    if (live !== undefined && isDeepStrictEqual(templateOf(next), templateOf(live))) {
      // The same pods, only more of them: those that are scheduled stay.
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
    for (const pod of own) replaced.add(pod);
    rollouts.push(rollout);
  }
  for (const { live, next, manifest } of objects) {
    if (live === undefined || trials.some(({ answer }) => answer?.next === next)) continue;
    // Helm also waits for pods that are not scheduled yet.
    for (const pod of podsOf(live, living, usual).filter((one) => !isPlaced(one))) {
      const [waits] = of([pod]) as [PodNeeds];
      const workload = `${manifest.kind}/${manifest.metadata.name}`;
      rollouts.push({ workload, next: waits, replicas: 1, surge: 0, unavailable: 1, old: [waits] });
    }
  }
  // Helm removes what the chart no longer has before it waits for the rest.
  const gone = removedObjects(answers).flatMap((one) => {
    const live = deployed?.live(one);
    return live === undefined ? [] : podsOf(live, living, usual);
  });
  for (const pod of gone) replaced.add(pod);
  return { rollouts: [...rollouts, ...departures(of(gone))], replaced };
}

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
  // Nothing happens until somebody deletes the pods.
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
  // Kubernetes stops one pod where both round to 0.
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

/** Pods that end and are not replaced. */
const departures = (gone: readonly PodNeeds[]): Rollout[] =>
  gone.map((pod) => ({ workload: '', next: pod, replicas: 0, surge: 0, unavailable: 1, old: [pod] }));
