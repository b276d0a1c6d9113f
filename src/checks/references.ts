import type { KubeObject, Manifest } from '../host/kubectl.ts';
import { getAll } from '../host/server-questions.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import type { PodTrial } from '../release/pod-trials.ts';
import { foreign } from '../foreign.ts';
import type { Claim, ClusterObjects, StorageClass } from '../release/cluster-objects.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';
import type { HostFacts } from './facts.ts';
import { byNamespace } from '../release/try-each.ts';
import { sudo } from '../shell-word.ts';

export const references: Check<UpgradeCheckContext> = {
  id: 'references',
  kind: 'outage',
  title: 'Objects that new pods read and mount exist',
  limit:
    'each config map, secret and claim of a new pod exists or is ' +
    'in the chart, each new claim has a StorageClass',
  why: 'a new pod waits forever for a missing one, after the old pod has stopped',
  fix: 'create what is missing, or fix its name in the values file',
  timeoutSeconds: 180,
  flows: ['upgrade'],
  measure: missingObjects,
};

type Json = Record<string, unknown>;

interface Need {
  workload: string;
  object: Manifest;
}

/** What new pods mount and read: a pod waits forever for a missing object, after the old pod has stopped. */
async function missingObjects(ctx: UpgradeCheckContext, facts: HostFacts): Promise<Measurement[]> {
  const trials = await ctx.podTrials();
  const cluster = await facts.cluster();
  const usual = ctx.product.namespace;
  const rendered = await ctx.rendered({ hooks: true });
  const comes = (object: Manifest) => rendered.some((one) => brings(one, object));
  // A job that runs before everything else may create what is missing.
  const outcome = trials.some(({ owner }) => owner === 'before') ? 'warn' : 'fail';
  const needs = trials.flatMap((trial) => needsOf(trial));
  const [claims, others] = [true, false].map((is) =>
    needs.filter(({ object }) => (object.kind === 'PersistentVolumeClaim') === is),
  ) as [Need[], Need[]];
  const missing = new Set(others.filter(({ object }) => !comes(object)));
  for (const [namespace, some] of byNamespace(
    [...missing].map(({ object }) => object),
    usual,
  )) {
    const { objects } = await getAll(ctx.kubectl, some, { namespace, signal: ctx.signal });
    for (const need of missing) {
      const { kind, metadata } = need.object;
      const there = (one: KubeObject) => one.kind === kind && one.metadata.name === metadata.name;
      if ((metadata.namespace ?? usual) === namespace && objects.some(there)) missing.delete(need);
    }
  }
  const found = [...Map.groupBy(missing, ({ object }) => `${object.kind}/${object.metadata.name}`)].map(
    ([part, of]) =>
      bad(part, `${workloads(of)}: ${part} does not exist, and the chart does not create it`, usual),
  );
  const made = rendered
    .filter(({ kind }) => kind === 'PersistentVolumeClaim')
    .map((claim) => ({ claim, by: 'the chart' }));
  for (const { object, workload } of claims) {
    if (comes(object) || liveClaim(cluster, object, usual) !== undefined) continue;
    const part = `PersistentVolumeClaim/${object.metadata.name}`;
    found.push(bad(part, `${workload}: ${part} does not exist, and the chart does not create it`, usual));
  }
  for (const { claim, by } of [...made, ...templatesOf(trials)]) {
    const why =
      liveClaim(cluster, claim, usual) === undefined ? unbindable(claim, cluster.classes) : undefined;
    const part = `PersistentVolumeClaim/${claim.metadata.name}`;
    if (why !== undefined)
      found.push(bad(part, `${part} of ${by}: ${why}`, usual, `${sudo.kubectl} get storageclasses`));
  }
  if (found.length > 0) return found.map((one) => ({ ...one, outcome }));
  const count = new Set(needs.map(({ object }) => `${object.kind}/${object.metadata.name}`)).size;
  return [{ outcome: 'ok', measured: `${count} of ${count} exist` }];
}

/** The object itself, or one from which a controller creates it: a certificate names its secret. */
function brings(one: Manifest, { kind, metadata: { name } }: Manifest): boolean {
  if (one.kind === kind) return one.metadata?.name === name;
  const makes = /^(Pod|Deployment|StatefulSet|DaemonSet|ReplicaSet|Job|CronJob)$/;
  return one.apiVersion.includes('.') && !makes.test(one.kind) && JSON.stringify(one).includes(`"${name}"`);
}

const workloads = (of: readonly Need[]) => [...new Set(of.map(({ workload }) => workload))].join(', ');

const bad = (part: string, measured: string, namespace: string, fix?: string): Measurement => ({
  part,
  outcome: 'fail',
  measured,
  fix: fix ?? `${sudo.kubectl} get configmaps,secrets,pvc -n ${namespace}`,
});

/** Config maps, secrets and claims of a pod, except optional ones. */
function needsOf({ workload, namespace, pod }: PodTrial): Need[] {
  const found = new Map<string, Need>();
  const add = (kind: string, name: unknown, optional: unknown) => {
    if (typeof name !== 'string' || name === '' || optional === true) return;
    // Kubernetes' own, in every namespace.
    if (name === 'kube-root-ca.crt') return;
    const object = { apiVersion: 'v1', kind, metadata: { name, namespace } };
    found.set(`${kind}/${name}`, { workload, object });
  };
  const list = (value: unknown) => (Array.isArray(value) ? (value as Json[]) : []);
  const spec = (pod.spec ?? {}) as Json;
  const sources = (of: Json) => {
    const { configMap, secret } = of as { configMap?: Json; secret?: Json };
    add('ConfigMap', configMap?.['name'], configMap?.['optional']);
    add('Secret', secret?.['secretName'] ?? secret?.['name'], secret?.['optional']);
  };
  for (const volume of list(spec['volumes'])) {
    sources(volume);
    for (const source of list((volume['projected'] as Json | undefined)?.['sources'])) sources(source);
    add('PersistentVolumeClaim', (volume['persistentVolumeClaim'] as Json | undefined)?.['claimName'], false);
  }
  for (const container of [...list(spec['initContainers']), ...list(spec['containers'])]) {
    for (const { configMapRef, secretRef } of list(container['envFrom']) as {
      configMapRef?: Json;
      secretRef?: Json;
    }[]) {
      add('ConfigMap', configMapRef?.['name'], configMapRef?.['optional']);
      add('Secret', secretRef?.['name'], secretRef?.['optional']);
    }
    for (const { valueFrom } of list(container['env']) as {
      valueFrom?: { configMapKeyRef?: Json; secretKeyRef?: Json };
    }[]) {
      const { configMapKeyRef, secretKeyRef } = valueFrom ?? {};
      add('ConfigMap', configMapKeyRef?.['name'], configMapKeyRef?.['optional']);
      add('Secret', secretKeyRef?.['name'], secretKeyRef?.['optional']);
    }
  }
  return [...found.values()];
}

/** The claims of a StatefulSet's first pod. */
function templatesOf(trials: readonly PodTrial[]): { claim: Manifest; by: string }[] {
  return trials.flatMap(({ workload, answer, namespace }) => {
    const { spec, metadata, kind } = answer?.next ?? {};
    const templates = kind === 'StatefulSet' ? ((spec?.['volumeClaimTemplates'] ?? []) as Manifest[]) : [];
    return templates.map((template) => ({
      by: workload,
      claim: { ...template, metadata: { name: `${template.metadata.name}-${metadata?.name}-0`, namespace } },
    }));
  });
}

const liveClaim = ({ allClaims }: ClusterObjects, { metadata }: Manifest, usual: string): Claim | undefined =>
  allClaims.find(
    (one) => one.metadata.name === metadata.name && one.metadata.namespace === (metadata.namespace ?? usual),
  );

const defaultClass = 'storageclass.kubernetes.io/is-default-class';

/** Why no volume will be provisioned for a new claim. */
function unbindable({ spec }: Manifest, classes: readonly StorageClass[]): string | undefined {
  const { storageClassName: name, volumeName } = (spec ?? {}) as {
    storageClassName?: string;
    volumeName?: string;
  };
  // Without a class the volume is created by hand.
  if (volumeName !== undefined || name === '') return undefined;
  if (name === undefined) {
    const usual = classes.some(({ metadata }) => metadata.annotations?.[defaultClass] === 'true');
    return usual ? undefined : 'it names no StorageClass, and none is the default';
  }
  return classes.some(({ metadata }) => metadata.name === name)
    ? undefined
    : `there is no StorageClass ${foreign(name)}`;
}
