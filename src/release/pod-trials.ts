import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Manifest } from '../host/kubectl.ts';
import type { UpgradeContext } from './context.ts';
import type { ServerAnswers, ServerObject } from './answered-objects.ts';
import { controllerOf } from './made-objects.ts';
import { tryCreations } from './try-each.ts';

/** A pod that the upgrade will create, as the API server would admit it. */
export interface PodTrial {
  /** `Deployment/backend`. */
  workload: string;
  namespace: string;
  /** What creates it: a hook's pod runs before or after everything else. */
  owner: 'release' | 'before' | 'after';
  answer?: ServerAnswers['objects'][number];
  /** With what admission adds; the template's own where the server was not queried or refuses it. */
  pod: KubeObject & { spec?: unknown };
  /** Why the server refuses it. */
  refusal?: string;
}

interface Template {
  metadata?: { labels?: Record<string, string>; annotations?: Record<string, string> };
  spec?: Record<string, unknown>;
}

/**
 * Every pod template whose pods will be replaced, tried as a Pod; hooks of an upgrade included. Changes
 * nothing.
 */
export async function tryPods(
  ctx: UpgradeContext,
  { objects }: ServerAnswers,
  signal: AbortSignal,
): Promise<PodTrial[]> {
  const usual = ctx.product.namespace;
  const rendered = await ctx.rendered({ hooks: true });
  const trials: PodTrial[] = [];
  for (const answer of objects) {
    if (answer.next === undefined || !makesPods(answer)) continue;
    const template = templateOf(answer.next);
    if (template !== undefined)
      trials.push({ ...trialOf(answer.manifest, template, rendered, usual), answer });
  }
  for (const manifest of rendered) {
    const owner = hookOf(manifest);
    const template = owner === undefined ? undefined : templateOf(manifest as ServerObject);
    if (owner !== undefined && template !== undefined) {
      trials.push({ ...trialOf(manifest, template, rendered, usual), owner });
    }
  }
  const makers = Map.groupBy(trials, ({ workload }) => makerOf(workload.split('/')[0] ?? ''));
  for (const [as, some] of makers) {
    const pods = some.map(({ pod }) => pod as unknown as Manifest);
    const found = await tryCreations(ctx.kubectl, pods, { usual, signal, as });
    for (const [place, pod] of pods.entries()) {
      const { object, refusal } = found.get(pod) ?? {};
      const trial = some[place] as PodTrial;
      if (object !== undefined) trial.pod = object;
      if (refusal !== undefined) trial.refusal = refusal;
    }
  }
  return trials;
}

/** The user that creates a workload's pods; undefined for a pod that Helm itself creates. */
const makerOf = (kind: string): string | undefined =>
  controllerOf[kind === 'Deployment' ? 'ReplicaSet' : kind === 'CronJob' ? 'Job' : kind];

/** An unchanged pod template creates no pod, unless some are missing. */
function makesPods({ live, next }: ServerAnswers['objects'][number]): boolean {
  if (next === undefined || live === undefined) return true;
  if (next.kind === 'Job' || next.kind === 'Pod') return false;
  const replicas = ({ spec }: ServerObject) => Number(spec?.['replicas'] ?? 1);
  const { replicas: made = 0 } = (live['status'] ?? {}) as { replicas?: number };
  const wanting = next.kind !== 'DaemonSet' && next.kind !== 'CronJob' && replicas(next) > made;
  return wanting || !isDeepStrictEqual(templateOf(next), templateOf(live));
}

const templateKinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet', 'ReplicaSet', 'Job']);

export function templateOf({ kind, metadata, spec }: ServerObject): Template | undefined {
  if (kind === 'Pod') return { metadata, spec };
  if (templateKinds.has(kind)) return spec?.['template'] as Template | undefined;
  const job = kind === 'CronJob' ? (spec?.['jobTemplate'] as ServerObject | undefined) : undefined;
  return job?.spec?.['template'] as Template | undefined;
}

/** undefined for an object that is not a hook, or a hook that an upgrade does not run. */
function hookOf({ metadata }: Manifest): 'before' | 'after' | undefined {
  const annotations = metadata?.['annotations'] as Record<string, unknown> | undefined;
  const events = String(annotations?.['helm.sh/hook'] ?? '').split(/\s*,\s*/);
  if (events.includes('pre-upgrade')) return 'before';
  return events.includes('post-upgrade') ? 'after' : undefined;
}

function trialOf(
  { kind, metadata }: Manifest,
  { metadata: own, spec = {} }: Template,
  rendered: readonly Manifest[],
  usual: string,
): PodTrial {
  const namespace = metadata.namespace ?? usual;
  const { labels, annotations } = own ?? {};
  const coming = (what: string, name: unknown) =>
    rendered.some((one) => one.kind === what && one.metadata?.name === name);
  // What the chart itself creates may not exist yet.
  const { serviceAccountName, priorityClassName, runtimeClassName, serviceAccount: _, ...rest } = spec;
  const kept = {
    ...(coming('ServiceAccount', serviceAccountName) ? {} : { serviceAccountName }),
    ...(coming('PriorityClass', priorityClassName) ? {} : { priorityClassName }),
    ...(coming('RuntimeClass', runtimeClassName) ? {} : { runtimeClassName }),
  };
  const owner = kind === 'Deployment' ? 'ReplicaSet' : kind;
  const pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      generateName: `${metadata.name}-`,
      namespace,
      labels: labels ?? {},
      annotations: annotations ?? {},
      // Policies refuse pods without an owner.
      ...(kind === 'Pod'
        ? {}
        : {
            ownerReferences: [
              {
                apiVersion: owner === 'Job' || owner === 'CronJob' ? 'batch/v1' : 'apps/v1',
                kind: owner === 'CronJob' ? 'Job' : owner,
                name: metadata.name,
                uid: '00000000-0000-0000-0000-000000000000',
                controller: true,
              },
            ],
          }),
    },
    spec: { ...rest, ...kept },
  };
  return {
    workload: `${kind}/${metadata.name}`,
    namespace,
    owner: 'release',
    pod: pod as unknown as PodTrial['pod'],
  };
}
