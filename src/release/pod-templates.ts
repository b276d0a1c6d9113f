import type { Manifest } from '../host/kubectl.ts';
import { normalizedReference, repositoryOf } from '../images/reference.ts';

export interface PodTemplate {
  /** `Kind/name` of the object that holds it. */
  object: string;
  labels: Record<string, unknown>;
  /** Images that are mounted as volumes are included. */
  containers: TemplateImage[];
}

export interface TemplateImage {
  name: string;
  image: string;
  /** imagePullPolicy, where it is set. */
  policy?: string;
}

type Json = unknown;
const isObject = (value: Json): value is Record<string, Json> => typeof value === 'object' && value !== null;

/**
 * Every pod that the manifests describe, at any depth: in workloads, jobs, cron jobs and kinds that we do not
 * know.
 */
export function podTemplates(manifests: readonly Manifest[]): PodTemplate[] {
  return manifests.flatMap((manifest) =>
    inside(manifest).map((found) => ({ object: `${manifest.kind}/${manifest.metadata.name}`, ...found })),
  );
}

function inside(value: Json): Omit<PodTemplate, 'object'>[] {
  if (Array.isArray(value)) return value.flatMap(inside);
  if (!isObject(value)) return [];
  const { metadata, spec } = value;
  const labels = isObject(metadata) && isObject(metadata.labels) ? metadata.labels : {};
  const containers = isObject(spec) ? containersOf(spec) : [];
  const here = containers.length === 0 ? [] : [{ labels, containers }];
  return [...here, ...Object.values(value).flatMap(inside)];
}

function containersOf(spec: Record<string, Json>): TemplateImage[] {
  const members = (key: string) => (Array.isArray(spec[key]) ? (spec[key] as Json[]) : []).filter(isObject);
  const started = [...members('initContainers'), ...members('containers')];
  const mounted = members('volumes').flatMap(({ name, image }) =>
    isObject(image) ? [{ name, image: image['reference'], imagePullPolicy: image['pullPolicy'] }] : [],
  );
  return [...started, ...(started.length === 0 ? [] : mounted)].flatMap(({ name, image, imagePullPolicy }) =>
    typeof image === 'string'
      ? [
          {
            name: String(name),
            image,
            ...(typeof imagePullPolicy === 'string' ? { policy: imagePullPolicy } : {}),
          },
        ]
      : [],
  );
}

/** Kubernetes' default is Always for `latest`, and for no tag at all. */
export function pullsAlways({ image, policy }: TemplateImage): boolean {
  if (policy !== undefined) return policy === 'Always';
  const name = normalizedReference(image);
  return !name.includes('@') && name === `${repositoryOf(image)}:latest`;
}
