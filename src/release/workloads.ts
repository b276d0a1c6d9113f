import type { KubeObject, Kubectl } from '../host/kubectl.ts';
import type { Product } from '../payload/product-schema.ts';
import { matchesSelector } from '../policy/label-selector.ts';

/** What runs pods in the product's namespace, the database apart. */

/** One whose number of pods can be set; a CronJob can be suspended. */
export interface Workload {
  kind: string;
  name: string;
  /** Of a CronJob: undefined. */
  replicas: number | undefined;
  /** It starts no pod: it has no replicas, or it is suspended. */
  rests: boolean;
  annotations: Readonly<Record<string, string>>;
  /** Who else may set the number: `Operator/NAME`. */
  owner: string | undefined;
  /** Its life. */
  uid: string;
  /** The server raises it with each change of what is wanted. */
  generation: number;
}

export interface WorkloadPod {
  name: string;
  /** `Deployment/NAME`, or `Pod/NAME` of one that nothing made. */
  of: string;
  /** It is being deleted. */
  ending: boolean;
  graceSeconds: number;
}

export interface Workloads {
  scalable: Workload[];
  /** The database's own, and its pods that have not ended: in none of the others. */
  database: { scalable: Workload[]; pods: WorkloadPod[] };
  /** DaemonSets, and Jobs that have not ended: they have no number that could be 0. */
  others: string[];
  /** Those that have not ended. */
  pods: WorkloadPod[];
}

type Template = { metadata?: { labels?: Record<string, string> } };
type Object = KubeObject & {
  spec?: {
    replicas?: number;
    suspend?: boolean;
    template?: Template;
    terminationGracePeriodSeconds?: number;
  };
  status?: { phase?: string; conditions?: { type: string; status: string }[] };
};

const kinds = 'deployments,statefulsets,replicasets,replicationcontrollers,cronjobs,daemonsets,jobs,pods';
const scalableKinds = ['Deployment', 'StatefulSet', 'ReplicaSet', 'ReplicationController', 'CronJob'];

export const idOf = ({ kind, name }: Pick<Workload, 'kind' | 'name'>): string => `${kind}/${name}`;

/** Throws where the API server does not answer. */
export async function seeWorkloads(
  kubectl: Pick<Kubectl, 'list'>,
  { namespace, database: { selector } }: Pick<Product, 'namespace' | 'database'>,
  signal: AbortSignal,
): Promise<Workloads> {
  const all = await kubectl.list<Object>(kinds, { namespace, signal });
  const isDatabase = (one: Object) => {
    const { labels } = (one.kind === 'Pod' ? one : one.spec?.template)?.metadata ?? {};
    return matchesSelector(labels ?? {}, selector);
  };
  const byUid = new Map(all.map((one) => [one.metadata.uid, one]));
  /** What would start a pod again. */
  const rootOf = (one: KubeObject): string => {
    const [owner] = one.metadata.ownerReferences ?? [];
    // A CronJob that is suspended lets its Jobs end.
    if (owner === undefined || one.kind === 'Job') return `${one.kind}/${one.metadata.name}`;
    const found = byUid.get(owner.uid);
    return found === undefined ? `${owner.kind}/${owner.name}` : rootOf(found);
  };
  const scalable = (found: readonly Object[]) =>
    found
      .filter(({ kind, metadata }) => {
        // A Deployment sets the number of its ReplicaSets.
        const isMade = kind.startsWith('Repl') && metadata.ownerReferences !== undefined;
        return scalableKinds.includes(kind) && !isMade;
      })
      .map(workloadOf);
  const pods = (found: readonly Object[]) =>
    found
      .filter(({ kind, status }) => kind === 'Pod' && !['Succeeded', 'Failed'].includes(status?.phase ?? ''))
      .map((one) => ({
        name: one.metadata.name,
        of: rootOf(one),
        ending: one.metadata.deletionTimestamp !== undefined,
        graceSeconds: one.spec?.terminationGracePeriodSeconds ?? 30,
      }));
  const own = all.filter(isDatabase);
  const objects = all.filter((one) => !isDatabase(one));
  return {
    scalable: scalable(objects),
    database: { scalable: scalable(own), pods: pods(own) },
    others: objects.filter(worksOn).map(rootOf),
    pods: pods(objects),
  };
}

function workloadOf({ kind, metadata, spec = {} }: Object): Workload {
  const isCron = kind === 'CronJob';
  const replicas = isCron ? undefined : (spec.replicas ?? 1);
  const [owner] = metadata.ownerReferences ?? [];
  return {
    kind,
    name: metadata.name,
    replicas,
    rests: isCron ? spec.suspend === true : replicas === 0,
    annotations: metadata.annotations ?? {},
    owner: owner === undefined ? undefined : `${owner.kind}/${owner.name}`,
    uid: metadata.uid ?? '',
    generation: metadata.generation ?? 0,
  };
}

function worksOn({ kind, spec, status }: Object): boolean {
  if (kind === 'DaemonSet') return true;
  const hasEnded = status?.conditions?.some(
    (one) => ['Complete', 'Failed'].includes(one.type) && one.status === 'True',
  );
  return kind === 'Job' && spec?.suspend !== true && hasEnded !== true;
}
