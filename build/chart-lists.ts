import type { Manifest } from '../src/host/kubectl.ts';
import type { Json, JsonObject } from './manifest-json.ts';
import { isObject, nameOf, objectsIn, podSpecs } from './manifest-json.ts';

type KeyOf = (member: JsonObject) => string | undefined;
const by =
  (...keys: string[]): KeyOf =>
  (member) =>
    keys.some((key) => member[key] === undefined)
      ? undefined
      : keys.map((key) => String(member[key])).join(' ');
const byPort =
  (key: string): KeyOf =>
  (member) =>
    member[key] === undefined ? undefined : `${String(member[key])} ${String(member['protocol'] ?? 'TCP')}`;

/**
 * Lists that the API server merges by keys, each of which may come once. Source: x-kubernetes-list-map-keys
 * of core/v1.
 */
const ofContainer: Record<string, KeyOf> = {
  env: by('name'),
  ports: byPort('containerPort'),
  volumeMounts: by('mountPath'),
  volumeDevices: by('devicePath'),
};
const ofPod: Record<string, KeyOf> = {
  volumes: by('name'),
  imagePullSecrets: by('name'),
  hostAliases: by('ip'),
  topologySpreadConstraints: by('topologyKey', 'whenUnsatisfiable'),
};
const containerLists = ['initContainers', 'containers', 'ephemeralContainers'];

/**
 * What the API server refuses of an object, in the middle of an upgrade, and can be seen now: members of
 * lists, and `$patch`.
 */
export function listMistakes(manifests: readonly Manifest[], where: string): string[] {
  return manifests.filter(isBuiltIn).flatMap((manifest) => {
    const object = nameOf(manifest);
    const twice = (place: string, members: readonly JsonObject[], keyOf: KeyOf): string[] => {
      const seen = new Set<string>();
      return members.flatMap((member) => {
        const key = keyOf(member);
        if (key === undefined || !seen.has(key)) {
          if (key !== undefined) seen.add(key);
          return [];
        }
        return [`${where}: ${object}: ${place} has ${key} twice, which the API server refuses`];
      });
    };
    const pods = podSpecs(manifest).flatMap(({ spec }) => {
      const containers = containerLists.flatMap((key) => objectsIn(spec[key]));
      return [
        ...twice('the list of containers', containers, by('name')),
        ...Object.entries(ofPod).flatMap(([key, keyOf]) => twice(key, objectsIn(spec[key]), keyOf)),
        ...containers.flatMap((container) =>
          Object.entries(ofContainer).flatMap(([key, keyOf]) =>
            twice(`${key} of ${String(container['name'])}`, objectsIn(container[key]), keyOf),
          ),
        ),
      ];
    });
    const { spec } = manifest as unknown as JsonObject;
    const service =
      manifest.kind === 'Service' && isObject(spec)
        ? [
            ...twice('ports', objectsIn(spec['ports']), byPort('port')),
            ...twice('ports', objectsIn(spec['ports']), by('name')),
          ]
        : [];
    const patch = hasPatch(manifest)
      ? [`${where}: ${object} has $patch, which is no field of it: the API server refuses it`]
      : [];
    return [...pods, ...service, ...patch];
  });
}

/** What the schema of a custom resource allows is its own. */
const isBuiltIn = (manifest: Manifest): boolean => {
  const [group = '', version] = String((manifest as unknown as JsonObject)['apiVersion'] ?? 'v1').split('/');
  return version === undefined || !group.includes('.') || group.endsWith('.k8s.io');
};

const hasPatch = (value: Json): boolean =>
  Array.isArray(value)
    ? (value as Json[]).some(hasPatch)
    : isObject(value) &&
      Object.entries(value).some(
        ([key, one]) =>
          key === '$patch' ||
          key.startsWith('$setElementOrder/') ||
          key.startsWith('$deleteFromPrimitiveList/') ||
          key === '$retainKeys' ||
          hasPatch(one),
      );
