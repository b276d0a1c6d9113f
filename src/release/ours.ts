import { IvaapError } from '../errors.ts';
import { type KubeObject, kindForKubectl, type Kubectl } from '../host/kubectl.ts';
import { type Known, known } from '../known.ts';
import type { Product } from '../payload/product-schema.ts';
import { isOfRelease } from './release-marks.ts';
import { sudo } from '../shell-word.ts';

/**
 * What of the cluster is this product's and what is others', for whoever takes something away: only what was
 * made by this installer, by its release or by Kubernetes for one of both is ever removed.
 */

/**
 * Who made an object: `installer` has our labels, `release` is Helm's for our release, `cluster` was made by
 * Kubernetes for the namespace or for an object of one of both; all others are `foreign`.
 */
export type Maker = 'installer' | 'release' | 'cluster' | 'foreign';

export interface OwnedObject {
  kind: string;
  name: string;
  /** As kubectl takes it, `deployment.apps/backend`. */
  resource: string;
  maker: Maker;
  /** Why: the label, the owner; of a foreign object who manages its fields, where that is recorded. */
  why: string;
  /** Claims that a pod mounts. */
  claims: string[];
  /** What it was made for is gone: Kubernetes collects it, after a moment. */
  orphaned: boolean;
}

export interface NamespaceContents {
  /** Whether the namespace has our labels; null where there is none. */
  ours: boolean | null;
  objects: OwnedObject[];
}

/** The database's volume. */
export interface OwnedVolume {
  name: string;
  ours: boolean;
  /** The folder with the data. */
  path: string | undefined;
  /** The claim that it is for, `NAMESPACE/NAME`. */
  claim: string | undefined;
}

type Named = Pick<Product, 'name' | 'command' | 'namespace' | 'release'>;
type Labelled = Pick<KubeObject, 'metadata'>;

/** What this installer puts on all that it makes for this product. */
export const ourLabels = ({ name, command }: Pick<Named, 'name' | 'command'>): Record<string, string> => ({
  'app.kubernetes.io/part-of': name,
  'app.kubernetes.io/managed-by': command,
});

/** Whether an object has the labels that this installer gives to what it makes for this product. */
export const hasOurLabels = ({ metadata }: Labelled, product: Pick<Named, 'name' | 'command'>) =>
  hasLabels(metadata, ourLabels(product));

const hasLabels = ({ labels }: Labelled['metadata'], wanted: Readonly<Record<string, string>>): boolean =>
  Object.entries(wanted).every(([key, value]) => labels?.[key] === value);

/** Whether it is Helm's own record of this release. */
const isRecord = ({ kind, metadata: { labels = {} } }: KubeObject, { release }: Named) =>
  kind === 'Secret' && labels['owner'] === 'helm' && labels['name'] === release;

/** Events say nothing that has to be kept, and expire. */
const passed = new Set(['events', 'events.events.k8s.io']);

/** Every kind there is, as `kubectl get` takes them. Throws where one API does not answer. */
async function kindsOf(kubectl: Kubectl, namespaced: boolean, signal: AbortSignal): Promise<string[]> {
  const { stdout } = await kubectl.run(
    ['api-resources', '--verbs=list,delete', `--namespaced=${namespaced}`, '--output=name'],
    { signal, timeoutMs: 30_000 },
  );
  const kinds = stdout.split('\n').filter((line) => line !== '' && !passed.has(line));
  // Every cluster has these: an answer without them was cut.
  const usual = namespaced
    ? ['pods', 'secrets', 'persistentvolumeclaims']
    : ['namespaces', 'persistentvolumes'];
  if (usual.every((kind) => kinds.includes(kind))) return kinds;
  throw new IvaapError('failed', 'the answer of kubectl api-resources is not complete', {
    hint: `${sudo.kubectl} api-resources`,
  });
}

/**
 * All that is in the product's namespace, each object with its maker; not known where anything did not
 * answer.
 */
export function namespaceContents(
  kubectl: Kubectl,
  product: Named,
  signal: AbortSignal,
): Promise<Known<NamespaceContents>> {
  return known(
    (async () => {
      const { namespace } = product;
      const found = await kubectl.get('namespace', namespace, { signal });
      if (found === undefined) return { ours: null, objects: [] };
      const kinds = await kindsOf(kubectl, true, signal);
      const objects = await kubectl.list<KubeObject>(kinds.join(','), { namespace, signal });
      return { ours: hasOurLabels(found, product), objects: makersOf(objects, product) };
    })(),
  );
}

/** Each object with its maker; `objects` are all of the namespace. */
export function makersOf(objects: readonly KubeObject[], product: Named): OwnedObject[] {
  // Some kinds are served by two groups; what is one object has one uid.
  const once = [
    ...new Map(objects.map((one) => [one.metadata.uid ?? `${one.kind}/${one.metadata.name}`, one])).values(),
  ];
  const byUid = new Map(once.map((one) => [one.metadata.uid, one]));
  const made = new Map<KubeObject, Pick<OwnedObject, 'maker' | 'why'>>();
  const judge = (one: KubeObject, below: readonly KubeObject[] = []): Pick<OwnedObject, 'maker' | 'why'> => {
    const before = made.get(one);
    if (before !== undefined) return before;
    const own = markOf(one, product) ?? ownedBy(one, below) ?? standsBeside(one);
    const judged = own ?? { maker: 'foreign' as const, why: managersOf(one) };
    made.set(one, judged);
    return judged;
  };
  /** By the object that it was made for, which must itself be known to be ours. */
  const ownedBy = (one: KubeObject, below: readonly KubeObject[]) => {
    for (const { uid, kind, name } of one.metadata.ownerReferences ?? []) {
      const owner = uid === undefined ? undefined : byUid.get(uid);
      if (owner === undefined || owner === one || below.includes(owner)) continue;
      if (judge(owner, [...below, one]).maker !== 'foreign')
        return { maker: 'cluster' as const, why: `made for ${kind}/${name}` };
    }
    return undefined;
  };
  /** Of what Kubernetes makes beside an object without naming it as the owner. */
  const standsBeside = (one: KubeObject) => {
    const beside = once.find((other) => other !== one && isMadeBeside(one, other));
    if (beside === undefined || judge(beside).maker === 'foreign') return undefined;
    return { maker: 'cluster' as const, why: `made for ${beside.kind}/${beside.metadata.name}` };
  };
  return once.map((one) => ({
    kind: one.kind,
    name: one.metadata.name,
    resource: resourceOf(one),
    claims: claimsOf(one),
    orphaned: isOrphaned(one, once),
    ...judge(one),
  }));
}

function markOf(one: KubeObject, product: Named): Pick<OwnedObject, 'maker' | 'why'> | undefined {
  if (hasOurLabels(one, product)) return { maker: 'installer', why: 'labels of this installer' };
  if (isOfRelease(one, product))
    return { maker: 'release', why: `annotation of the release ${product.release}` };
  if (isRecord(one, product)) return { maker: 'release', why: `Helm's record of ${product.release}` };
  const { kind, metadata } = one;
  if (metadata.deletionTimestamp !== undefined) return { maker: 'cluster', why: 'it is being deleted' };
  // A hook has no annotation of its release; its labels are the chart's.
  const isHook = metadata.annotations?.['helm.sh/hook'] !== undefined;
  if (isHook && metadata.labels?.['app.kubernetes.io/instance'] === product.release)
    return { maker: 'release', why: `hook of the release ${product.release}` };
  const usual =
    (kind === 'ServiceAccount' && metadata.name === 'default') ||
    (kind === 'ConfigMap' && metadata.name === 'kube-root-ca.crt');
  return usual ? { maker: 'cluster', why: 'every namespace has it' } : undefined;
}

/** Endpoints have their Service's name; a StatefulSet's claims outlive it and are named after it. */
function isMadeBeside(one: KubeObject, other: KubeObject): boolean {
  const { name } = one.metadata;
  if (one.kind === 'Endpoints') return other.kind === 'Service' && other.metadata.name === name;
  if (one.kind !== 'PersistentVolumeClaim' || other.kind !== 'StatefulSet') return false;
  const { spec } = other as KubeObject & {
    spec?: {
      selector?: { matchLabels?: Record<string, string> };
      volumeClaimTemplates?: { metadata: { name: string } }[];
    };
  };
  // Kubernetes gives them to each claim that it makes; one that was there before has its name alone.
  if (!hasLabels(one.metadata, spec?.selector?.matchLabels ?? {})) return false;
  return (spec?.volumeClaimTemplates ?? []).some(({ metadata: template }) => {
    const stem = `${template.name}-${other.metadata.name}-`;
    return name.startsWith(stem) && /^\d+$/.test(name.slice(stem.length));
  });
}

function isOrphaned({ kind, metadata }: KubeObject, all: readonly KubeObject[]): boolean {
  const { ownerReferences: owners = [], name } = metadata;
  if (kind === 'Endpoints') return !all.some((one) => one.kind === 'Service' && one.metadata.name === name);
  return owners.length > 0 && owners.every(({ uid }) => !all.some((one) => one.metadata.uid === uid));
}

function claimsOf({ kind, ...rest }: KubeObject): string[] {
  const { spec } = rest as {
    spec?: { volumes?: { persistentVolumeClaim?: { claimName?: string } }[] };
  };
  if (kind !== 'Pod') return [];
  return (spec?.volumes ?? []).flatMap(({ persistentVolumeClaim: claim }) => claim?.claimName ?? []);
}

const resourceOf = (one: KubeObject): string => `${kindForKubectl(one)}/${one.metadata.name}`;

function managersOf({ metadata }: KubeObject): string {
  const { managedFields = [] } = metadata as { managedFields?: { manager?: string }[] };
  const managers = [...new Set(managedFields.flatMap(({ manager }) => manager ?? []))];
  return managers.length === 0 ? 'no mark of this installer' : `made with ${managers.join(', ')}`;
}

/** Definitions hold other objects, also of others: they stay. */
const neverRemoved = new Set([
  'customresourcedefinitions.apiextensions.k8s.io',
  'namespaces',
  'nodes',
  'persistentvolumes',
]);

/**
 * What stands outside the namespace and is the release's by Helm's annotations. Throws where that is not
 * known.
 */
export async function clusterWideOfRelease(
  kubectl: Kubectl,
  product: Named,
  signal: AbortSignal,
): Promise<{ resource: string }[]> {
  const kinds = (await kindsOf(kubectl, false, signal)).filter((kind) => !neverRemoved.has(kind));
  const objects = kinds.length === 0 ? [] : await kubectl.list<KubeObject>(kinds.join(','), { signal });
  return objects.filter((one) => isOfRelease(one, product)).map((one) => ({ resource: resourceOf(one) }));
}

/**
 * Volumes that are left of the namespace's claims, once those are deleted: a class made them, with Retain.
 */
export async function volumesOfClaims(
  kubectl: Kubectl,
  { namespace }: Pick<Named, 'namespace'>,
  signal: AbortSignal,
): Promise<string[]> {
  type Volume = KubeObject & { spec?: { claimRef?: { namespace?: string } } };
  const found = await kubectl.list<Volume>('persistentvolumes', { signal });
  return found
    .filter(({ spec }) => spec?.claimRef?.namespace === namespace)
    .map(({ metadata }) => metadata.name);
}

/**
 * What an uninstall takes away. What Kubernetes made goes with what it was made for; a claim of a StatefulSet
 * does not.
 */
export const removedOf = ({ objects }: NamespaceContents): OwnedObject[] =>
  objects.filter(
    ({ maker, kind }) =>
      maker === 'installer' ||
      maker === 'release' ||
      (maker === 'cluster' && kind === 'PersistentVolumeClaim'),
  );

export const foreignOf = ({ objects }: NamespaceContents): OwnedObject[] =>
  objects.filter(({ maker }) => maker === 'foreign');

/** The database's volume; null where there is none. */
export function volumeOwner(
  kubectl: Kubectl,
  product: Pick<Product, 'name' | 'command' | 'database'>,
  signal: AbortSignal,
): Promise<Known<OwnedVolume | null>> {
  type Volume = KubeObject & {
    spec?: {
      hostPath?: { path?: string };
      local?: { path?: string };
      claimRef?: { namespace?: string; name?: string };
    };
  };
  const { persistentVolume } = product.database.volume;
  return known(
    kubectl.get<Volume>('persistentvolume', persistentVolume, { signal }).then((found) => {
      if (found === undefined) return null;
      const { hostPath, local, claimRef } = found.spec ?? {};
      return {
        name: persistentVolume,
        ours: hasOurLabels(found, product),
        path: hostPath?.path ?? local?.path,
        claim: claimRef === undefined ? undefined : `${claimRef.namespace ?? ''}/${claimRef.name ?? ''}`,
      };
    }),
  );
}

/** Whether an uninstall removes the namespace itself, with all that is in it; `kept`: it was there before. */
export const goesWhole = (contents: NamespaceContents, kept: boolean): boolean =>
  contents.ours === true && !kept && foreignOf(contents).length === 0;
