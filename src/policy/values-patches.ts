import { isDeepStrictEqual } from 'node:util';
import { IvaapError } from '../errors.ts';

export type PlainJson = string | number | boolean | null | PlainJson[] | { [key: string]: PlainJson };
export type PlainObject = { [key: string]: PlainJson };

/** All conditions of a patch must hold on the operator's values; a path is the keys from the root down. */
export type PatchCondition =
  | { path: readonly string[]; equals: unknown }
  | { path: readonly string[]; absent: true }
  | { path: readonly string[]; present: true };

export interface Patch {
  id: string;
  why: string;
  when: readonly PatchCondition[];
  set: readonly { path: readonly string[]; value: unknown }[];
}

export interface Overlay {
  /** To be laid over the operator's values on every Helm call; empty when no patch applies. */
  values: PlainObject;
  /** The patches that apply, with the paths that they set. */
  applied: { id: string; why: string; paths: string[] }[];
}

function isObject(value: unknown): value is PlainObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The value at a path, undefined when a key on the way is absent. Lists have no keys. */
export function valueAt(values: unknown, path: readonly string[]): PlainJson | undefined {
  let current = values;
  for (const key of path) {
    if (!isObject(current) || !Object.hasOwn(current, key)) return undefined;
    current = current[key];
  }
  return current as PlainJson | undefined;
}

/** The value at a path, also inside lists, by index; undefined where a key on the way is absent. */
export function fieldAt(root: unknown, path: readonly string[]): unknown {
  let current = root;
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined;
    // A list has an own key that is none of its items.
    if (Array.isArray(current) && key === 'length') return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}

function holds(condition: PatchCondition, values: PlainObject): boolean {
  const value = valueAt(values, condition.path);
  if ('equals' in condition) return value !== undefined && isDeepStrictEqual(value, condition.equals);
  return 'absent' in condition ? value === undefined : value !== undefined;
}

/** Values with an overlay's above them, as Helm lays them: mappings are merged, and null takes a key away. */
export function withOverlay(values: PlainObject, overlay: PlainObject): PlainObject {
  const merged = { ...values };
  for (const [key, value] of Object.entries(overlay)) {
    const below = merged[key];
    if (value === null) delete merged[key];
    else merged[key] = isObject(value) && isObject(below) ? withOverlay(below, value) : value;
  }
  return merged;
}

/** Makes what is missing on the way there. */
export function setAt(target: PlainObject, path: readonly string[], value: PlainJson): void {
  const [key = '', ...rest] = path;
  if (rest.length === 0) {
    target[key] = structuredClone(value);
    return;
  }
  const next = target[key];
  const inner: PlainObject = isObject(next) ? next : {};
  target[key] = inner;
  setAt(inner, rest, value);
}

/**
 * What the release's patches make of the operator's values: each is judged on the values alone, never on
 * another patch's result, so that the overlay is the same whatever release came before. Throws IvaapError
 * `payload` when two patches that apply set one path differently.
 */
export function computeOverlay(values: PlainObject, patches: readonly Patch[]): Overlay {
  const overlay: Overlay = { values: {}, applied: [] };
  const setBy = new Map<string, { id: string; value: unknown }>();
  for (const patch of patches) {
    if (!patch.when.every((condition) => holds(condition, values))) continue;
    for (const { path, value } of patch.set) {
      const name = path.join('.');
      const other = setBy.get(name);
      if (other && !isDeepStrictEqual(other.value, value)) {
        throw new IvaapError(
          'payload',
          `the values patches ${other.id} and ${patch.id} of this ` +
            `release both set ${name}, to different values`,
        );
      }
      setBy.set(name, { id: patch.id, value });
      setAt(overlay.values, path, value as PlainJson);
    }
    overlay.applied.push({
      id: patch.id,
      why: patch.why,
      paths: patch.set.map(({ path }) => path.join('.')),
    });
  }
  return overlay;
}

/** The values that Helm will have: these, with the overlay above them that the patches of a release make. */
export const patchedValues = (values: PlainObject, patches: readonly Patch[]): PlainObject =>
  withOverlay(values, computeOverlay(values, patches).values);
