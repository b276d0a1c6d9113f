import type { Manifest } from '../host/kubectl.ts';
import { versionOf } from '../images/reference.ts';

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

/** The policy of an image that is pulled at each start, and why where it is not set. */
export const pullingPolicy = ({ image, policy }: TemplateImage): string =>
  policy ??
  `Always, the default ${
    versionOf(image)?.digest === undefined ? 'without a version' : 'for the tag latest, also before a digest'
  }`;

/**
 * Kubernetes' default is Always for the tag `latest`, even before a digest, and for neither tag nor digest.
 * Source: ParseImageName of k8s.io/kubernetes/pkg/util/parsers.
 */
export function pullsAlways({ image, policy }: TemplateImage): boolean {
  if (policy !== undefined) return policy === 'Always';
  const version = versionOf(image);
  const { tag, digest } = version ?? {};
  return version !== undefined && (tag === 'latest' || (tag === undefined && digest === undefined));
}
