import { type NodeFacts, repels } from './node-fit.ts';
import { type PodNeeds, selects } from './pod-needs.ts';
import { amount } from './quantity.ts';
import { type Quota, quotaUse } from './quota-use.ts';
import { sudo } from '../shell-word.ts';

/** One workload whose pods are recreated. */
export interface Rollout {
  /** `Deployment/backend`. */
  workload: string;
  next: PodNeeds;
  replicas: number;
  /** Pods beyond `replicas` that may run meanwhile; 0: an old one has to end before a new one starts. */
  surge: number;
  /** Pods that may be missing meanwhile. */
  unavailable: number;
  old: readonly PodNeeds[];
}

export interface Place {
  node: NodeFacts & { allocatable: Record<string, number> };
  /** Pods of this node that stay, whoever made them. */
  others: readonly PodNeeds[];
  quotas: readonly Quota[];
}

export interface Obstacle {
  workload: string;
  /** The node or the quota. */
  part: string;
  why: string;
  fix: string;
}

/**
 * What keeps new pods from being made. It is simulated where room is smallest: whatever may run next to its
 * old pods does so before one that stops first, such as a database, is back; the cluster keeps no place for
 * that.
 */
export function simulateRollouts(rollouts: readonly Rollout[], place: Place): Obstacle[] {
  const room = new Room(place, rollouts);
  const runs = rollouts.map((rollout) => new Run(rollout, room));
  for (const run of runs) run.stopOld();
  const [beside, stopFirst] = [true, false].map((surges) => runs.filter(({ of }) => of.surge > 0 === surges));
  for (const run of beside ?? []) run.startNew();
  const obstacles: Obstacle[] = [];
  for (const run of stopFirst ?? []) {
    run.startNew();
    if (run.missing() > 0) obstacles.push(run.obstacle(busy(beside ?? [])));
  }
  const left = (beside ?? []).filter((run) => run.done() === false);
  while (left.some((run) => run.step()));
  const late = (stopFirst ?? []).filter((run) => run.missing() === 0);
  while (late.some((run) => run.step()));
  return [...obstacles, ...[...left, ...late].filter((run) => !run.done()).map((run) => run.obstacle(''))];
}

const busy = (beside: readonly Run[]): string => {
  const names = beside.filter((run) => run.started > 0).map(({ of }) => of.workload);
  return names.length === 0 ? '' : `, once new pods of ${names.join(', ')} run next to the old ones`;
};

/** Whether one pod more finds its place now. */
export function obstacleTo(
  workload: string,
  pod: PodNeeds,
  place: Place,
  old: readonly PodNeeds[],
): Obstacle | undefined {
  const found = new Room(place, [
    { workload, next: pod, replicas: 0, surge: 0, unavailable: 0, old },
  ]).refuses(pod);
  return found === undefined ? undefined : { workload, ...found };
}

class Run {
  readonly of: Rollout;
  readonly #room: Room;
  readonly #old: PodNeeds[];
  started = 0;

  constructor(of: Rollout, room: Room) {
    this.of = of;
    this.#room = room;
    this.#old = [...of.old];
  }

  done(): boolean {
    return this.#old.length === 0 && this.started >= this.of.replicas;
  }

  /** Of those that had to end first. */
  missing(): number {
    const { replicas, unavailable } = this.of;
    return Math.max(0, Math.min(replicas, unavailable, replicas - this.#old.length) - this.started);
  }

  stopOld(): void {
    const { replicas, unavailable } = this.of;
    while (this.#old.length > 0 && this.#old.length + this.started > replicas - unavailable) {
      this.#room.remove(this.#old.pop() as PodNeeds);
    }
  }

  startNew(): boolean {
    const { replicas, surge, next } = this.of;
    let any = false;
    while (this.started < replicas && this.#old.length + this.started < replicas + surge) {
      if (this.#room.refuses(next) !== undefined) break;
      this.#room.add(next);
      this.started += 1;
      any = true;
    }
    return any;
  }

  /** One round; whether anything moved. */
  step(): boolean {
    const before = this.#old.length;
    this.stopOld();
    return this.startNew() || this.#old.length < before;
  }

  obstacle(when: string): Obstacle {
    const { workload, next } = this.of;
    const found = this.#room.refuses(next) ?? {
      part: 'rollout',
      why: 'its strategy allows neither stopping an old pod nor starting a new one',
      fix: `${sudo.kubectl} describe ${workload.toLowerCase()} -n ${next.namespace}`,
    };
    return { workload, ...found, why: `${found.why}${when}` };
  }
}

type Refused = Omit<Obstacle, 'workload'>;

/** The node and the quotas, with what is on them at one moment. */
class Room {
  readonly #place: Place;
  readonly #pods: PodNeeds[];
  readonly #used: Map<Quota, Record<string, number>>;

  constructor(place: Place, rollouts: readonly Rollout[]) {
    this.#place = place;
    this.#pods = [...place.others, ...rollouts.flatMap(({ old }) => old).filter((pod) => this.#isHere(pod))];
    this.#used = new Map(place.quotas.map((quota) => [quota, { ...quota.used }]));
  }

  #isHere({ spec }: PodNeeds): boolean {
    return spec.nodeName === this.#place.node.name;
  }

  add(pod: PodNeeds): void {
    this.#pods.push(pod);
    this.#count(pod, 1);
  }

  remove(pod: PodNeeds): void {
    const at = this.#pods.indexOf(pod);
    if (at !== -1) this.#pods.splice(at, 1);
    this.#count(pod, -1);
  }

  #count(pod: PodNeeds, sign: 1 | -1): void {
    for (const [quota, used] of this.#used) {
      for (const [name, value] of Object.entries(quotaUse(quota, pod))) {
        used[name] = (used[name] ?? 0) + sign * value;
      }
    }
  }

  refuses(pod: PodNeeds): Refused | undefined {
    return this.#fullQuota(pod) ?? this.#nodeRefuses(pod);
  }

  #fullQuota(pod: PodNeeds): Refused | undefined {
    for (const [quota, used] of this.#used) {
      for (const [name, value] of Object.entries(quotaUse(quota, pod))) {
        const [hard = 0, now = 0] = [quota.hard[name], used[name]];
        if (value === 0 || fits(now + value, hard)) continue;
        const resource = name.replace(/^(requests|limits|count)[./]/, '');
        return {
          part: quota.name,
          why:
            `the quota ${quota.name} allows ${amount(resource, hard)} of ${name}; ` +
            `${amount(resource, now)} are used, and one more pod needs ` +
            `${amount(resource, value)}`,
          fix: `${sudo.kubectl} describe resourcequota ${quota.name} -n ${quota.namespace}`,
        };
      }
    }
    return undefined;
  }

  #nodeRefuses(pod: PodNeeds): Refused | undefined {
    const { node } = this.#place;
    const part = node.name;
    const fix = `${sudo.kubectl} describe node ${node.name}`;
    const repelled = repels(node, pod);
    if (repelled !== undefined) return { part, ...repelled };
    const port = pod.hostPorts.find((one) => this.#pods.some(({ hostPorts }) => hostPorts.includes(one)));
    if (port !== undefined) {
      return {
        part,
        fix,
        why: `port ${port} of node ${node.name} is used by a pod that runs at the same time`,
      };
    }
    if (this.#pods.some((other) => avoids(pod, other) || avoids(other, pod))) {
      return {
        part,
        fix,
        why:
          'it must not run next to a pod that runs at the same ' +
          `time on node ${node.name} (podAntiAffinity)`,
      };
    }
    for (const [resource, value] of Object.entries(pod.requests)) {
      if (value === 0) continue;
      const used = this.#pods
        .filter((other) => !preempts(pod, other))
        .reduce((total, { requests }) => total + (requests[resource] ?? 0), 0);
      const all = node.allocatable[resource] ?? 0;
      if (fits(used + value, all)) continue;
      const free = amount(resource, Math.max(0, all - used));
      return {
        part,
        fix,
        why:
          `it requests ${amount(resource, value)} ${resource}, and node ` +
          `${node.name} has ${free} of ${amount(resource, all)} free`,
      };
    }
    return undefined;
  }
}

/** The scheduler ends a pod that matters less. */
const preempts = ({ spec }: PodNeeds, other: PodNeeds): boolean =>
  (spec.priority ?? 0) > (other.spec.priority ?? 0) && spec.preemptionPolicy !== 'Never';

/** Sums of fractions are not exact. */
const fits = (value: number, limit: number) => value <= limit + 1e-6;

function avoids(pod: PodNeeds, other: PodNeeds): boolean {
  const terms = pod.spec.affinity?.podAntiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? [];
  return terms.some(
    ({ labelSelector, namespaces, matchLabelKeys = [] }) =>
      (namespaces ?? [pod.namespace]).includes(other.namespace) &&
      labelSelector !== undefined &&
      selects(labelSelector, other.labels) &&
      // Mostly the hash of its ReplicaSet, which old pods have and those to come have not yet.
      matchLabelKeys.every((key) => pod.labels[key] === other.labels[key]),
  );
}
