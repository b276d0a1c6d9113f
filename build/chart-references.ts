import type { Manifest } from '../src/host/kubectl.ts';
import type { Json, JsonObject } from './manifest-json.ts';
import { isObject, nameOf, objectsIn, podSpecs } from './manifest-json.ts';
import type { ReleaseFiles } from './spec-file.ts';

/** An object that a pod cannot start without; `key` where it needs one of its keys. */
interface Need {
  kind: 'Secret' | 'ConfigMap' | 'PersistentVolumeClaim' | 'ServiceAccount';
  name: string;
  key?: string | undefined;
}

/**
 * Secrets, ConfigMaps, claims and service accounts that pods need, and that neither chart nor installer
 * makes.
 */
export function referenceMistakes({ spec, product }: ReleaseFiles, manifests: readonly Manifest[]): string[] {
  const made = madeObjects(manifests);
  const { generatedSecrets, license, database } = product.value;
  for (const { name, keys } of generatedSecrets) made.set(`Secret/${name}`, new Set(Object.keys(keys)));
  if (license !== undefined) made.set(`Secret/${license.secret}`, new Set([license.key]));
  made.set(`PersistentVolumeClaim/${database.volume.claim}`, undefined);
  for (const one of spec.value.madeElsewhere) made.set(one, undefined);
  const { login } = database;
  const needs = [
    ...manifests.flatMap((manifest) =>
      podSpecs(manifest).flatMap((pod) =>
        needsOf(pod.spec).map((need) => ({ ...need, by: nameOf(manifest), where: spec.at(['chart']) })),
      ),
    ),
    ...(login === undefined
      ? []
      : [
          {
            kind: 'Secret' as const,
            ...login.secret,
            by: 'database.login',
            where: product.at(['database', 'login', 'secret']),
          },
        ]),
  ];
  return needs.flatMap(({ kind, name, key, by, where }) => {
    const object = `${kind}/${name}`;
    if (!made.has(object)) return [`${where}: ${by} needs ${object}, which nobody makes: ${wayToMake(kind)}`];
    const keys = made.get(object);
    return key === undefined || keys === undefined || keys.has(key)
      ? []
      : [`${where}: ${by} needs the key ${key} of ${object}, which has ${[...keys].join(', ') || 'no keys'}`];
  });
}

const wayToMake = (kind: Need['kind']): string =>
  `${kind === 'Secret' ? "render it, name it in the product's generatedSecrets" : 'render it'}, ` +
  'or list it in madeElsewhere when something else makes it before the pods start';

/**
 * `Kind/name` -> keys; undefined where they are not known. Objects of kinds that are not Kubernetes' own may
 * make a Secret of their own name, or of the one that they name.
 */
function madeObjects(manifests: readonly Manifest[]): Map<string, Set<string> | undefined> {
  const made = new Map<string, Set<string> | undefined>([
    // In each namespace, by Kubernetes.
    ['ConfigMap/kube-root-ca.crt', undefined],
    ['ServiceAccount/default', undefined],
  ]);
  for (const manifest of manifests) {
    const { kind, metadata } = manifest;
    const { data, stringData, binaryData, apiVersion, type } = manifest as unknown as JsonObject;
    if (kind === 'Secret' || kind === 'ConfigMap') {
      const keys = [data, stringData, binaryData].flatMap((one) => (isObject(one) ? Object.keys(one) : []));
      // Filled in by the control plane, or, when it is empty, by a program of the product.
      const isOpen = keys.length === 0 || type === 'kubernetes.io/service-account-token';
      made.set(nameOf(manifest), isOpen ? undefined : new Set(keys));
    } else made.set(nameOf(manifest), undefined);
    const group = typeof apiVersion === 'string' ? apiVersion.split('/')[0]! : '';
    if (group.includes('.') && !group.endsWith('.k8s.io')) {
      for (const name of [metadata.name, ...namedSecrets(manifest as unknown as Json)])
        for (const one of ['Secret', 'ConfigMap']) made.set(`${one}/${name}`, undefined);
    }
    for (const claim of templateClaims(manifest)) made.set(`PersistentVolumeClaim/${claim}`, undefined);
  }
  return made;
}

/** As cert-manager's Certificate and ExternalSecret name what they make. */
function namedSecrets(value: Json): string[] {
  if (Array.isArray(value)) return (value as Json[]).flatMap(namedSecrets);
  if (!isObject(value)) return [];
  const { secretName, target } = value;
  return [
    ...(typeof secretName === 'string' ? [secretName] : []),
    ...(isObject(target) && typeof target['name'] === 'string' ? [target['name']] : []),
    ...Object.values(value).flatMap(namedSecrets),
  ];
}

function templateClaims(manifest: Manifest): string[] {
  const { spec } = manifest as unknown as JsonObject;
  if (manifest.kind !== 'StatefulSet' || !isObject(spec)) return [];
  return objectsIn(spec['volumeClaimTemplates']).flatMap(({ metadata }) =>
    isObject(metadata) ? [`${String(metadata['name'])}-${manifest.metadata.name}-0`] : [],
  );
}

/** What is marked as optional is not needed; what pulls images is not asked, as nothing is pulled. */
function needsOf(pod: JsonObject): Need[] {
  const containers = ['containers', 'initContainers'].flatMap((key) => objectsIn(pod[key]));
  const volumes = objectsIn(pod['volumes']);
  const account = pod['serviceAccountName'];
  return [
    ...containers.flatMap(({ env, envFrom }) => [
      ...objectsIn(env).flatMap(({ valueFrom }) =>
        isObject(valueFrom)
          ? [
              ...need('Secret', valueFrom['secretKeyRef'], 'name', 'key'),
              ...need('ConfigMap', valueFrom['configMapKeyRef'], 'name', 'key'),
            ]
          : [],
      ),
      ...objectsIn(envFrom).flatMap(({ secretRef, configMapRef }) => [
        ...need('Secret', secretRef, 'name'),
        ...need('ConfigMap', configMapRef, 'name'),
      ]),
    ]),
    ...volumes.flatMap(volumeNeeds),
    ...volumes.flatMap(({ projected }) =>
      isObject(projected)
        ? objectsIn(projected['sources']).flatMap((source) => [
            ...withItems('Secret', source['secret'], 'name'),
            ...withItems('ConfigMap', source['configMap'], 'name'),
          ])
        : [],
    ),
    ...(typeof account === 'string' && account !== ''
      ? [{ kind: 'ServiceAccount' as const, name: account }]
      : []),
  ];
}

const volumeNeeds = ({ secret, configMap, persistentVolumeClaim }: JsonObject): Need[] => [
  ...withItems('Secret', secret, 'secretName'),
  ...withItems('ConfigMap', configMap, 'name'),
  ...need('PersistentVolumeClaim', persistentVolumeClaim, 'claimName'),
];

function need(kind: Need['kind'], reference: Json, nameKey: string, keyKey = ''): Need[] {
  if (!isObject(reference) || reference['optional'] === true) return [];
  const { [nameKey]: name, [keyKey]: key } = reference;
  return typeof name === 'string' ? [{ kind, name, ...(typeof key === 'string' ? { key } : {}) }] : [];
}

/** A volume with a list of keys starts no pod while one of them is missing. */
function withItems(kind: Need['kind'], reference: Json, nameKey: string): Need[] {
  const whole = need(kind, reference, nameKey);
  const items = isObject(reference) ? objectsIn(reference['items']) : [];
  return items.length === 0
    ? whole
    : whole.flatMap((one) => items.map(({ key }) => ({ ...one, key: String(key) })));
}
