import type { Manifest } from '../src/host/kubectl.ts';
import type { Product } from '../src/payload/product-schema.ts';
import type { Findings } from './findings.ts';
import type { JsonObject } from './manifest-json.ts';
import { isObject, isSelected, nameOf, objectsIn, podSpecs } from './manifest-json.ts';
import type { ReleaseFiles } from './spec-file.ts';

/** A pod of the database, with the object that makes it. */
interface DatabasePod {
  owner: Manifest;
  spec: JsonObject;
}

export const databasePods = ({ database }: Product, manifests: readonly Manifest[]): DatabasePod[] =>
  manifests.flatMap((owner) =>
    podSpecs(owner)
      .filter(({ labels }) => isSelected(labels, database.selector))
      .map(({ spec }) => ({ owner, spec })),
  );

export const rendersDatabase = (product: Product, manifests: readonly Manifest[]): boolean =>
  databasePods(product, manifests).length > 0;

/**
 * Who keeps data where. The volume of product.yaml is the one that the installer makes, that outlives each
 * release, and that summaries name as the database's place: the database has to mount it. Other data that
 * goes with a claim or a release is a warning.
 */
export function checkVolumes({ product }: ReleaseFiles, manifests: readonly Manifest[]): Findings {
  const { claim, persistentVolume } = product.value.database.volume;
  const at = product.at(['database', 'volume']);
  const made = manifests.flatMap(({ kind, metadata: { name } }) =>
    (kind === 'PersistentVolumeClaim' && name === claim) ||
    (kind === 'PersistentVolume' && name === persistentVolume)
      ? [
          `${at}: the chart makes ${kind}/${name} itself; the ` +
            'installer makes it, and the chart only mounts the claim',
        ]
      : [],
  );
  return {
    mistakes: [...made, ...databaseMistakes(product.value, manifests, at)],
    warnings: manifests.flatMap((manifest) => dataWarnings(manifest, claim)).map((text) => `${at}: ${text}`),
  };
}

function databaseMistakes(product: Product, manifests: readonly Manifest[], at: string): string[] {
  const { container, volume } = product.database;
  const pods = databasePods(product, manifests);
  const places = pods.flatMap((pod) => placesOf(pod, container) ?? []);
  if (pods.length === 0 || places.some(({ claims }) => claims.includes(volume.claim))) return [];
  const owners = [...new Set(pods.map(({ owner }) => nameOf(owner)))].join(', ');
  if (places.length === 0)
    return [`${at}: ${owners} has no container ${container}, which database.container names`];
  const elsewhere = [...new Set(places.map(({ words }) => words))].join('; ');
  return [
    `${at}: nothing mounts the claim ${volume.claim}: the container ` +
      `${container} of ${owners} keeps its data ${elsewhere}`,
  ];
}

/**
 * Where a container of a pod keeps data: claims, and in words. undefined when the pod has no such container.
 */
function placesOf(
  { owner, spec }: DatabasePod,
  container: string,
): { claims: string[]; words: string } | undefined {
  const found = [...objectsIn(spec['containers']), ...objectsIn(spec['initContainers'])].find(
    ({ name }) => name === container,
  );
  if (found === undefined) return undefined;
  const mounted = new Set(objectsIn(found['volumeMounts']).map(({ name }) => name));
  const templates = claimTemplates(owner).filter(({ template }) => mounted.has(template));
  const volumes = objectsIn(spec['volumes']).filter(({ name }) => mounted.has(name));
  const claimed = volumes.flatMap(({ persistentVolumeClaim: one }) =>
    isObject(one) ? [String(one['claimName'])] : [],
  );
  const others = ['hostPath', 'emptyDir', 'nfs', 'csi', 'ephemeral'].filter((kind) =>
    volumes.some((one) => one[kind] !== undefined && !isInMemory(one[kind])),
  );
  const words = [
    ...templates.map(({ claims }) => `on the claim ${claims[0]} that volumeClaimTemplates makes`),
    ...claimed.map((claim) => `on the claim ${claim}`),
    ...others.map((kind) =>
      kind === 'emptyDir' ? 'in an emptyDir, which ends with its pod' : `on a volume of the kind ${kind}`,
    ),
  ];
  return {
    claims: [...templates.flatMap(({ claims }) => claims), ...claimed],
    words: words.length === 0 ? 'in its own file system, which ends with it' : words.join(' and '),
  };
}

/** Where a container mounts a claim that its pod names. */
export function mountsOfClaim(pod: JsonObject, container: JsonObject, claim: string): string[] {
  const volumes = objectsIn(pod['volumes']).filter(
    ({ persistentVolumeClaim: one }) => isObject(one) && one['claimName'] === claim,
  );
  const names = new Set(volumes.map(({ name }) => name));
  return objectsIn(container['volumeMounts'])
    .filter(({ name }) => names.has(name))
    .map(({ mountPath }) => String(mountPath));
}

const isInMemory = (volume: unknown): boolean => isObject(volume) && volume['medium'] === 'Memory';

/** A StatefulSet's claims are named after template, set and number, and one that is there is taken. */
function claimTemplates(owner: Manifest): { template: unknown; claims: string[] }[] {
  const { spec } = owner as unknown as JsonObject;
  if (owner.kind !== 'StatefulSet' || !isObject(spec)) return [];
  const replicas = Math.min(Math.max(Number(spec['replicas'] ?? 1), 1), 100);
  return objectsIn(spec['volumeClaimTemplates']).map(({ metadata }) => {
    const template = isObject(metadata) ? String(metadata['name']) : '';
    const claims = Array.from(
      { length: replicas },
      (_, number) => `${template}-${owner.metadata.name}-${number}`,
    );
    return { template, claims };
  });
}

/** Data that a deletion takes along. */
function dataWarnings(manifest: Manifest, databaseClaim: string): string[] {
  const { kind, metadata } = manifest;
  const object = nameOf(manifest);
  const { spec, reclaimPolicy } = manifest as unknown as JsonObject;
  const kept = (metadata.annotations as JsonObject | undefined)?.['helm.sh/resource-policy'] === 'keep';
  if (kind === 'PersistentVolumeClaim' && !kept && metadata.name !== databaseClaim)
    return [
      `${object} belongs to the release: what removes it, an uninstall or a ` +
        'chart without it, deletes its data (helm.sh/resource-policy: keep)',
    ];
  if (kind === 'StorageClass' && reclaimPolicy !== 'Retain')
    return [`${object} deletes the data of a claim with the claim (reclaimPolicy: Retain keeps it)`];
  if (kind === 'PersistentVolume' && isObject(spec) && spec['persistentVolumeReclaimPolicy'] === 'Delete')
    return [`${object} is deleted with its claim (persistentVolumeReclaimPolicy: Retain keeps it)`];
  return claimTemplates(manifest)
    .filter(({ claims }) => !claims.includes(databaseClaim))
    .map(
      ({ claims: [first = ''] }) =>
        `${object} keeps data on ${first} of volumeClaimTemplates, which no dump has; its ` +
        "StorageClass decides whether the data outlives the claim (k3s' own local-path deletes " +
        'it)',
    );
}
