import type { Manifest } from '../src/host/kubectl.ts';

/** Parts of rendered manifests, of whose shape nothing is certain. */
export type Json = unknown;
export type JsonObject = Record<string, Json>;

export const isObject = (value: Json): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The objects of a list; of anything else none. */
export const objectsIn = (value: Json): JsonObject[] =>
  Array.isArray(value) ? (value as Json[]).filter(isObject) : [];

/** `Kind/name`, as messages name an object. */
export const nameOf = ({ kind, metadata }: Manifest): string => `${kind}/${metadata.name}`;

/** A pod that a manifest describes, at whatever depth. */
export interface PodSpec {
  labels: JsonObject;
  spec: JsonObject;
}

export function podSpecs(value: Json): PodSpec[] {
  if (Array.isArray(value)) return (value as Json[]).flatMap(podSpecs);
  if (!isObject(value)) return [];
  const { metadata, spec } = value;
  const labels = isObject(metadata) && isObject(metadata['labels']) ? metadata['labels'] : {};
  const here = isObject(spec) && objectsIn(spec['containers']).length > 0 ? [{ labels, spec }] : [];
  return [...here, ...Object.values(value).flatMap(podSpecs)];
}

/** Whether labels are selected by `key=value` terms; a term without a value asks for the key alone. */
export const isSelected = (labels: JsonObject, selector: string): boolean =>
  selector.split(',').every((term) => {
    const [key = '', value] = term.split(/==?/);
    return value === undefined ? key in labels : String(labels[key]) === value;
  });
