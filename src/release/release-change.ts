import { IvaapError } from '../errors.ts';
import { tryApply } from '../host/server-questions.ts';
import {
  diffManifests,
  type ManifestDiff,
  type PodChange,
  podChanges,
  type RenderedObject,
} from '../policy/manifest-diff.ts';
import type { KubeObject } from '../host/kubectl.ts';
import type { UpgradeContext } from './context.ts';
import { asHelmApplies, helmManager } from './server-answers.ts';
import type { DeployedRecord, ServerObject } from './answered-objects.ts';
import { byNamespace } from './try-each.ts';
import { matchesSelector } from '../policy/label-selector.ts';

export interface ReleaseChange {
  /** The deployed revision, and the one that Helm will create. */
  revision: { deployed: number; next: number };
  /** The live objects compared with what Helm will leave. */
  diff: ManifestDiff;
  /**
   * How the live objects differ from Helm's record: what others have changed or deleted since. Undefined
   * where it is not known.
   */
  drift: ManifestDiff | undefined;
  pods: (PodChange & { names: string[] })[];
  hooks: { object: string; events: string[]; weight: number }[];
}

/**
 * What an upgrade changes, as the API server itself would compute it: both sides include defaults and what
 * others have set, and changes since the last upgrade are included. Where the server did not answer, the
 * chart's own object is compared with Helm's record.
 */
export async function releaseChange(ctx: UpgradeContext, signal: AbortSignal): Promise<ReleaseChange> {
  const { namespace, release } = ctx.product;
  const [{ objects, deployed }, all, pods] = await Promise.all([
    ctx.answers(signal),
    ctx.rendered({ hooks: true }),
    ctx.kubectl.list('pods', { namespace, signal }),
  ]);
  if (deployed === undefined) throw new IvaapError('failed', `there is no release ${release}`);
  const before: RenderedObject[] = [];
  const after: RenderedObject[] = [];
  for (const { manifest, live, next } of objects) {
    const recorded = deployed.objects.find((one) => isSame(one, manifest, namespace));
    const now = next === undefined ? recorded : live;
    if (now !== undefined) before.push(now as RenderedObject);
    after.push((next ?? manifest) as RenderedObject);
  }
  for (const recorded of deployed.objects) {
    const stays = objects.some(({ manifest }) => isSame(recorded, manifest, namespace));
    const live = deployed.live(recorded);
    if (!stays && live !== undefined) before.push(live as RenderedObject);
  }
  const diff = diffManifests(before, after, namespace);
  return {
    revision: { deployed: deployed.revision, next: deployed.lastRevision + 1 },
    diff,
    drift: await driftOf(ctx, deployed, signal),
    pods: podChanges(before, after, diff, namespace).map((change) => ({
      ...change,
      names: change.how === 'start' ? [] : podsOf(pods, change.selector),
    })),
    hooks: hooksIn(all),
  };
}

const group = (apiVersion: string) => (apiVersion.includes('/') ? apiVersion.split('/')[0] : '');

const isSame = (a: KubeObject | RenderedObject, b: KubeObject | RenderedObject, namespace: string): boolean =>
  a.kind === b.kind &&
  group(a.apiVersion) === group(b.apiVersion) &&
  a.metadata.name === b.metadata.name &&
  (a.metadata.namespace ?? namespace) === (b.metadata.namespace ?? namespace);

/**
 * Helm's record as the server would apply it again, compared with the live objects: what the record does not
 * set is no difference.
 */
async function driftOf(
  { kubectl, product }: UpgradeContext,
  deployed: DeployedRecord,
  signal: AbortSignal,
): Promise<ManifestDiff | undefined> {
  const served = deployed.objects.filter((one) => !deployed.unserved.includes(one));
  const recorded: RenderedObject[] = [];
  const live: RenderedObject[] = [];
  for (const [namespace, some] of byNamespace(served, product.namespace)) {
    const there = some.filter((one) => deployed.live(one) !== undefined);
    const how = { namespace, signal, manager: helmManager, force: true };
    const marked = there.map((one) => asHelmApplies(one, product.release, product.namespace));
    const again = there.length === 0 ? { objects: [] } : await tryApply(kubectl, marked, how);
    if (again.objects?.length !== there.length) return undefined;
    recorded.push(...(again.objects as unknown as RenderedObject[]));
    live.push(...there.map((one) => deployed.live(one) as ServerObject as unknown as RenderedObject));
    recorded.push(...(some.filter((one) => !there.includes(one)) as RenderedObject[]));
  }
  return diffManifests(recorded, live, product.namespace);
}

function podsOf(pods: readonly KubeObject[], selector: string): string[] {
  if (selector === '') return [];
  return pods
    .filter(({ metadata }) => matchesSelector(metadata.labels, selector))
    .map(({ metadata }) => metadata.name)
    .sort();
}

/** The hooks that an upgrade runs, in Helm's order. */
function hooksIn(rendered: readonly RenderedObject[]): ReleaseChange['hooks'] {
  return rendered
    .map(({ kind, metadata }) => {
      const annotations = (metadata?.['annotations'] ?? {}) as Record<string, unknown>;
      const events = String(annotations['helm.sh/hook'] ?? '').split(/\s*,\s*/);
      const weight = Number(annotations['helm.sh/hook-weight'] ?? 0);
      return {
        object: `${kind}/${metadata?.name}`,
        events: events.filter((one) => one.endsWith('-upgrade')),
        weight,
      };
    })
    .filter(({ events }) => events.length > 0)
    .sort((a, b) => (b.events[0] ?? '').localeCompare(a.events[0] ?? '') || a.weight - b.weight);
}
