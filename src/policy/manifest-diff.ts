import { isDeepStrictEqual } from 'node:util';

/** What two renderings of a chart differ in, object by object and field by field. */

export type FieldValue = string | number | boolean | null | FieldValue[] | { [key: string]: FieldValue };

/** A Kubernetes object as a chart renders it. */
export interface RenderedObject {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [key: string]: unknown };
  [key: string]: unknown;
}

export interface FieldChange {
  /**
   * `spec.template.spec.containers[backend].image`: an item of a list is named by its key, other lists are
   * compared as one value.
   */
  path: string;
  /** Absent: the field is new, or goes. Hidden where the object is a Secret. */
  from?: FieldValue;
  to?: FieldValue;
}

export interface ManifestDiff {
  /** `Deployment/backend`, with the namespace in front where it is not the release's own. */
  added: string[];
  changed: { object: string; fields: FieldChange[] }[];
  /** `kept`: the chart marks it so that Helm leaves it in the cluster. */
  removed: { object: string; kept: boolean }[];
}

const hiddenValue = '(hidden)';

/** What the API server writes, and no chart decides. */
const serverFields = new Set([
  'creationTimestamp',
  'generation',
  'managedFields',
  'resourceVersion',
  'selfLink',
  'uid',
]);
/** Keys by which Kubernetes identifies the items of a list, the surest first. */
const itemKeys = ['mountPath', 'name', 'containerPort', 'port', 'key', 'path', 'host', 'ip'];

const isObject = (value: unknown): value is Record<string, FieldValue> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** How an object of a release is called in messages: `Deployment/backend`. */
function objectName({ kind, metadata }: RenderedObject, namespace: string): string {
  const other = metadata.namespace !== undefined && metadata.namespace !== namespace;
  return `${other ? `${metadata.namespace}/` : ''}${kind}/${metadata.name}`;
}

/** As Helm does: an object stays the same one when only the version of its API changes. */
function identity(object: RenderedObject, namespace: string): string {
  const group = object.apiVersion.includes('/') ? object.apiVersion.split('/')[0] : '';
  return `${group} ${objectName(object, namespace)}`;
}

/**
 * Compares what is deployed with what will be; `namespace` is the release's. Fields that the API server
 * writes, `status`, the order of keys, and a null in place of an absent field are no difference. Of a Secret
 * only the names of what changes are reported.
 */
export function diffManifests(
  before: readonly RenderedObject[],
  after: readonly RenderedObject[],
  namespace: string,
): ManifestDiff {
  const old = new Map(before.map((object) => [identity(object, namespace), object]));
  const next = new Map(after.map((object) => [identity(object, namespace), object]));
  const diff: ManifestDiff = { added: [], changed: [], removed: [] };
  for (const [id, object] of next) {
    const was = old.get(id);
    if (was === undefined) diff.added.push(objectName(object, namespace));
    else {
      const fields = diffObjects(was, object);
      if (fields.length > 0) diff.changed.push({ object: objectName(object, namespace), fields });
    }
  }
  for (const [id, object] of old) {
    if (next.has(id)) continue;
    diff.removed.push({ object: objectName(object, namespace), kept: isKept(object) });
  }
  return diff;
}

function isKept({ metadata }: RenderedObject): boolean {
  const { annotations } = metadata;
  return isObject(annotations) && annotations['helm.sh/resource-policy'] === 'keep';
}

function diffObjects(was: RenderedObject, is: RenderedObject): FieldChange[] {
  const changes: FieldChange[] = [];
  compare(comparable(was), comparable(is), '', changes);
  if (is.kind !== 'Secret') return changes;
  return changes.map((change) => (/^(data|stringData)\b/.test(change.path) ? hidden(change) : change));
}

function comparable({ metadata, ...object }: RenderedObject): FieldValue {
  const rest = Object.fromEntries(Object.entries(object).filter(([name]) => name !== 'status'));
  const kept = Object.entries(metadata).filter(
    ([name]) => !serverFields.has(name) && name !== 'name' && name !== 'namespace',
  );
  return { ...rest, metadata: Object.fromEntries(kept) } as FieldValue;
}

function hidden({ path, from, to }: FieldChange): FieldChange {
  const hide = (value: FieldValue): FieldValue =>
    isObject(value) ? Object.fromEntries(Object.keys(value).map((key) => [key, hiddenValue])) : hiddenValue;
  return {
    path,
    from: from === undefined ? undefined : hide(from),
    to: to === undefined ? undefined : hide(to),
  };
}

function compare(was: FieldValue, is: FieldValue, path: string, changes: FieldChange[]): void {
  if (isDeepStrictEqual(was, is)) return;
  if (isObject(was) && isObject(is)) {
    for (const key of new Set([...Object.keys(was), ...Object.keys(is)])) {
      compareMember(was[key] ?? undefined, is[key] ?? undefined, memberPath(path, key), changes);
    }
  } else if (Array.isArray(was) && Array.isArray(is)) {
    compareLists(was, is, path, changes);
  } else changes.push({ path, from: was, to: is });
}

function compareMember(
  was: FieldValue | undefined,
  is: FieldValue | undefined,
  path: string,
  changes: FieldChange[],
): void {
  if (was === undefined && is === undefined) return;
  if (was === undefined) changes.push({ path, to: is as FieldValue });
  else if (is === undefined) changes.push({ path, from: was });
  else compare(was, is, path, changes);
}

/**
 * Items that have names are compared by name, so that one more in front does not make all of them look
 * changed.
 */
function compareLists(was: FieldValue[], is: FieldValue[], path: string, changes: FieldChange[]): void {
  const key = itemKeys.find((name) => isKeyOf(name, was) && isKeyOf(name, is));
  if (key === undefined) {
    changes.push({ path, from: was, to: is });
    return;
  }
  const named = (list: FieldValue[]) =>
    new Map(list.map((item) => [String((item as Record<string, FieldValue>)[key]), item]));
  const old = named(was);
  const next = named(is);
  const countBefore = changes.length;
  for (const name of new Set([...old.keys(), ...next.keys()])) {
    compareMember(old.get(name), next.get(name), `${path}[${name}]`, changes);
  }
  // The order alone: nothing to Kubernetes in most lists, and a new pod template all the same.
  if (changes.length === countBefore) changes.push({ path, from: [...old.keys()], to: [...next.keys()] });
}

function isKeyOf(key: string, list: readonly FieldValue[]): boolean {
  const names = list.map((item) => (isObject(item) ? item[key] : undefined));
  const usable = names.every((name) => typeof name === 'string' || typeof name === 'number');
  return usable && new Set(names.map(String)).size === list.length;
}

/** A key with dots or slashes, as labels and annotations have, is marked in a path by brackets. */
function memberPath(path: string, key: string): string {
  if (/[./[\]]/.test(key)) return `${path}[${key}]`;
  return path === '' ? key : `${path}.${key}`;
}

/** A workload whose pods the change touches. */
export interface PodChange {
  /** `Deployment/backend`. */
  workload: string;
  /**
   * `restart`: its pod template changes; `start`, `stop`: the workload itself comes or goes; `scale`: only
   * the number of pods changes.
   */
  how: 'restart' | 'start' | 'stop' | 'scale';
  /** `Recreate` and `OnDelete` as the new manifest says; anything else replaces pods one after the other. */
  strategy?: string;
  /** matchLabels of the workload as it is deployed, `app=backend`. */
  selector: string;
}

const workloadKinds = new Set(['Deployment', 'StatefulSet', 'DaemonSet']);

/** Whose pods will restart, start or stop when the difference is applied. */
export function podChanges(
  before: readonly RenderedObject[],
  after: readonly RenderedObject[],
  diff: ManifestDiff,
  namespace: string,
): PodChange[] {
  const find = (objects: readonly RenderedObject[], name: string) =>
    objects.find((object) => objectName(object, namespace) === name && workloadKinds.has(object.kind));
  const changes: PodChange[] = [];
  const add = (object: RenderedObject | undefined, how: PodChange['how'], selected = object) => {
    if (object === undefined || selected === undefined) return;
    const strategy = strategyOf(object);
    changes.push({
      workload: objectName(object, namespace),
      how,
      strategy,
      selector: selectorOf(selected),
    });
  };
  for (const { object, fields } of diff.changed) {
    const next = find(after, object);
    const was = find(before, object);
    if (fields.some(({ path }) => /^spec\.template\b/.test(path))) add(next, 'restart', was);
    else if (fields.some(({ path }) => path === 'spec.replicas')) add(next, 'scale', was);
  }
  for (const object of diff.added) add(find(after, object), 'start');
  for (const { object, kept } of diff.removed) if (!kept) add(find(before, object), 'stop');
  return changes;
}

function strategyOf({ spec }: RenderedObject): string | undefined {
  if (!isObject(spec)) return undefined;
  const strategy = spec.strategy ?? spec.updateStrategy;
  return isObject(strategy) && typeof strategy.type === 'string' ? strategy.type : undefined;
}

function selectorOf({ spec }: RenderedObject): string {
  const selector = isObject(spec) ? spec.selector : undefined;
  const labels = isObject(selector) ? selector.matchLabels : undefined;
  if (!isObject(labels)) return '';
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(',');
}
