import type { Manifest } from '../host/kubectl.ts';
import { normalizedReference } from '../images/reference.ts';
import { wantedImages } from '../images/wanted.ts';
import type { Measurement } from '../policy/preflight.ts';
import { foreign } from '../foreign.ts';
import type { CheckContext } from './facts.ts';
import { shellWord } from '../shell-word.ts';

export interface PodTemplate {
  /** `Kind/name` of the object that holds it. */
  object: string;
  labels: Record<string, unknown>;
  /** Images that are mounted as volumes among them. */
  containers: TemplateImage[];
}

export interface TemplateImage {
  name: string;
  image: string;
  /** imagePullPolicy, where it is said. */
  policy?: string;
}

type Json = unknown;
const isObject = (value: Json): value is Record<string, Json> => typeof value === 'object' && value !== null;

/** Every pod that the manifests describe, at any depth: in workloads, jobs, cron jobs and kinds that we do not know. */
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

/** Hooks included: their pods need images, too. */
export async function checkImages(
  { index, product, entitlements, containerd, paths }: CheckContext,
  rendered: readonly Manifest[],
): Promise<Measurement> {
  const ours = new Set(wantedImages(index, product, entitlements).map(({ name }) => name));
  const needed = new Map<string, string>();
  for (const { object, containers } of podTemplates(rendered)) {
    for (const { image } of containers) needed.set(normalizedReference(image), object);
  }
  const others = [...needed.keys()].filter((name) => !ours.has(name));
  const limit = 'each in the payload for this licence, or in containerd and pinned';
  if (others.length === 0) {
    return { outcome: 'ok', measured: `${needed.size} of ${needed.size} in the payload`, limit };
  }
  const there = await containerd.runtimeImages();
  const pinned = new Set(
    there
      .filter((image) => image.pinned)
      .flatMap(({ repoTags, repoDigests }) => [...repoTags, ...repoDigests]),
  );
  const unknown = others.filter((name) => !pinned.has(name));
  return {
    outcome: unknown.length === 0 ? 'ok' : 'fail',
    measured:
      unknown.length === 0
        ? `${needed.size - others.length} of ${needed.size} in the payload, ${foreign(others.join(', '))} pinned in containerd`
        : unknown.map((name) => `${foreign(name)} of ${needed.get(name)} is neither`).join(', '),
    limit,
    fix: `mend the image, or switch off what asks for it (sudoedit ${shellWord(paths.values)})`,
  };
}
