import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Manifest } from '../host/kubectl.ts';
import { once } from './once.ts';
import type { UpgradeContext } from './context.ts';
import { removedObjects } from './server-answers.ts';
import type { ServerAnswers, ServerObject } from './answered-objects.ts';
import { tryCreations } from './try-each.ts';

/** An object that a controller creates for a workload besides its pods, as the API server would accept it. */
export interface MadeTrial {
  /** `Deployment/backend`. */
  workload: string;
  object: Manifest;
  /** Older ones that are deleted once this one has taken over; quotas count them until then. */
  freed: number;
  /** Why the server refuses it; except for a full quota, which is counted for all together. */
  refusal?: string;
}

/**
 * Kind of a workload -> the user that creates its objects and pods: policies distinguish controllers from
 * people.
 */
export const controllerOf: Record<string, string> = {
  Deployment: 'kube-system:deployment-controller',
  ReplicaSet: 'kube-system:replicaset-controller',
  StatefulSet: 'kube-system:statefulset-controller',
  DaemonSet: 'kube-system:daemon-set-controller',
  CronJob: 'kube-system:cronjob-controller',
  Job: 'kube-system:job-controller',
};

export interface Made {
  trials: MadeTrial[];
  /** ReplicaSets and revisions of workloads that the chart no longer has: they are deleted with those. */
  gone: KubeObject[];
}

const historyKinds: Record<string, string> = {
  Deployment: 'ReplicaSet',
  StatefulSet: 'ControllerRevision',
  DaemonSet: 'ControllerRevision',
};
/** Kubernetes' own default of `revisionHistoryLimit`. */
const usualHistory = 10;

type Owned = KubeObject & {
  metadata: KubeObject['metadata'] & { ownerReferences?: { kind: string; name: string }[] };
  spec?: { template?: Template };
  data?: { spec?: { template?: Template } };
};

interface Template {
  metadata?: Record<string, unknown> & { labels?: Record<string, string> };
  [member: string]: unknown;
}

/**
 * Of each workload that changes: its ReplicaSet or revision, a StatefulSet's claims, a CronJob's job. Changes
 * nothing.
 */
export async function tryMade(
  ctx: UpgradeContext,
  answers: ServerAnswers,
  claims: readonly KubeObject[],
  signal: AbortSignal,
): Promise<Made> {
  const { objects } = answers;
  const usual = ctx.product.namespace;
  const changed = objects.flatMap(({ live, next }) =>
    next !== undefined && controllerOf[next.kind] !== undefined ? [{ live, next }] : [],
  );
  const history = once(() => historyOf(ctx, changed, signal));
  const trials: MadeTrial[] = [];
  for (const { live, next } of changed) {
    const { kind, metadata } = next;
    const namespace = metadata.namespace ?? usual;
    const of = { workload: `${kind}/${metadata.name}`, freed: 0 };
    for (const claim of claimsOf(next, namespace)) {
      const there = (one: KubeObject) =>
        one.metadata.name === claim.metadata.name && one.metadata.namespace === namespace;
      if (!claims.some(there)) trials.push({ ...of, object: claim });
    }
    if (live !== undefined && isDeepStrictEqual(making(next), making(live))) continue;
    if (kind === 'CronJob') trials.push({ ...of, object: jobOf(next, namespace) });
    if (historyKinds[kind] === undefined) continue;
    const own = (await history()).filter((one) => isOwn(one, next, namespace));
    const template = making(next) as Template;
    // One with the same pods from an earlier run is used again.
    if (own.some((one) => isDeepStrictEqual(bare(one), plain(template)))) continue;
    const { revisionHistoryLimit: kept = usualHistory } = next.spec as { revisionHistoryLimit?: number };
    const object = kind === 'Deployment' ? replicaSetOf(next, namespace) : revisionOf(next, namespace, own);
    trials.push({ ...of, object, freed: Math.max(0, own.length - kept) });
  }
  for (const [maker, some] of Map.groupBy(trials, ({ workload }) => workload.split('/')[0] ?? '')) {
    const made = some.map(({ object }) => object);
    const found = await tryCreations(ctx.kubectl, made, { usual, signal, as: controllerOf[maker] });
    for (const trial of some) {
      const { refusal } = found.get(trial.object) ?? {};
      if (refusal !== undefined) trial.refusal = refusal;
    }
  }
  if (!trials.some(({ object }) => object.kind !== 'PersistentVolumeClaim')) return { trials, gone: [] };
  const left = removedObjects(answers);
  const gone = (await history()).filter((one) =>
    left.some((workload) => isOwn(one, workload, workload.metadata.namespace ?? usual)),
  );
  return { trials, gone };
}

/** The template from which a workload creates its objects. */
const making = ({ kind, spec }: ServerObject): unknown =>
  spec?.[kind === 'CronJob' ? 'jobTemplate' : 'template'];

async function historyOf(
  { kubectl, product }: UpgradeContext,
  changed: readonly { next: ServerObject }[],
  signal: AbortSignal,
): Promise<Owned[]> {
  const namespaces = new Set(changed.map(({ next }) => next.metadata.namespace ?? product.namespace));
  const found = [...namespaces].map((namespace) =>
    kubectl.list<Owned>('replicasets,controllerrevisions', { namespace, signal }),
  );
  return (await Promise.all(found)).flat();
}

/** Whether it is in a workload's history. */
const isOwn = ({ kind, metadata }: Owned, of: Pick<ServerObject, 'kind' | 'metadata'>, namespace: string) =>
  kind === historyKinds[of.kind] &&
  (metadata.namespace ?? namespace) === namespace &&
  metadata.ownerReferences?.some((owner) => owner.kind === of.kind && owner.name === of.metadata.name) ===
    true;

const hashLabel = 'pod-template-hash';

function bare({ spec, data }: Owned): Template {
  const { $patch: _, ...template } = spec?.template ?? data?.spec?.template ?? {};
  return plain(template as Template);
}

/** Without what a controller adds, and what the server adds as an empty value. */
function plain({ metadata = {}, ...template }: Template): Template {
  const { creationTimestamp: _, labels = {}, ...rest } = metadata;
  const { [hashLabel]: __, ...own } = labels;
  return { ...template, metadata: { ...rest, labels: own } };
}

/** The letters of Kubernetes' hashes: they form no words. */
const letters = 'bcdfghjklmnpqrstvwxz2456789';

const hashOf = (value: unknown) =>
  [...createHash('sha256').update(JSON.stringify(value)).digest()]
    .slice(0, 10)
    .map((byte) => letters[byte % letters.length])
    .join('');

function ownedBy({ kind, apiVersion, metadata }: ServerObject, namespace: string, name: string) {
  const { uid = '00000000-0000-0000-0000-000000000000' } = metadata as { uid?: string };
  const owner = { apiVersion, kind, name: metadata.name, uid, controller: true, blockOwnerDeletion: true };
  return { name, namespace, ownerReferences: [owner] };
}

function replicaSetOf(next: ServerObject, namespace: string): Manifest {
  const { replicas, minReadySeconds, selector, template } = next.spec as {
    replicas?: number;
    minReadySeconds?: number;
    selector?: { matchLabels?: object };
    template: Template;
  };
  const hash = hashOf(template);
  const marked = (labels?: object) => ({ ...labels, [hashLabel]: hash });
  const { 'kubectl.kubernetes.io/last-applied-configuration': _, ...annotations } =
    next.metadata.annotations ?? {};
  const labels = marked(template.metadata?.labels);
  const metadata = { ...ownedBy(next, namespace, `${next.metadata.name}-${hash}`), labels, annotations };
  const spec = {
    replicas,
    minReadySeconds,
    selector: { ...selector, matchLabels: marked(selector?.matchLabels) },
    template: { ...template, metadata: { ...template.metadata, labels } },
  };
  return { apiVersion: 'apps/v1', kind: 'ReplicaSet', metadata, spec } as Manifest;
}

function revisionOf(next: ServerObject, namespace: string, own: readonly Owned[]): Manifest {
  const template = making(next) as Template;
  const hash = hashOf(template);
  const label = next.kind === 'DaemonSet' ? 'controller-revision-hash' : 'controller.kubernetes.io/hash';
  const metadata = {
    ...ownedBy(next, namespace, `${next.metadata.name}-${hash}`),
    labels: { ...template.metadata?.labels, [label]: hash },
  };
  const data = { spec: { template: { ...template, $patch: 'replace' } } };
  const revision = own.length + 1;
  return { apiVersion: 'apps/v1', kind: 'ControllerRevision', metadata, data, revision } as Manifest;
}

function jobOf(next: ServerObject, namespace: string): Manifest {
  const { metadata: own = {}, spec } = making(next) as Template;
  const metadata = { ...own, ...ownedBy(next, namespace, `${next.metadata.name}-${hashOf(spec)}`) };
  return { apiVersion: 'batch/v1', kind: 'Job', metadata, spec } as Manifest;
}

/** The claims of all its pods. */
function claimsOf({ kind, metadata, spec }: ServerObject, namespace: string): Manifest[] {
  const {
    volumeClaimTemplates = [],
    replicas = 1,
    selector,
  } = (spec ?? {}) as {
    volumeClaimTemplates?: Manifest[];
    replicas?: number;
    selector?: { matchLabels?: object };
  };
  if (kind !== 'StatefulSet') return [];
  return Array.from({ length: replicas }, (_, place) =>
    volumeClaimTemplates.map((template) => ({
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        ...template.metadata,
        name: `${template.metadata.name}-${metadata.name}-${place}`,
        namespace,
        labels: { ...(template.metadata['labels'] as object | undefined), ...selector?.matchLabels },
      },
      spec: template['spec'],
    })),
  ).flat() as Manifest[];
}
