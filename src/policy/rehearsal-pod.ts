/**
 * The pod that migrates a copy of the database: made out of the new release's own, without anything by which
 * it could reach the live database or be reached. Objects are plain JSON as Helm renders them.
 */

type Json = Record<string, unknown>;
type Reference = { kind: 'Secret' | 'ConfigMap'; name: string; optional: boolean };

export interface Container extends Json {
  env?: { name: string; value?: string; valueFrom?: Json }[];
  envFrom?: Json[];
  volumeMounts?: { name: string }[];
  resources?: { requests?: Json };
  securityContext?: Json;
}

export interface PodSpec extends Json {
  containers: Container[];
  initContainers?: Container[];
  volumes?: Json[];
}

/** Where a workload reads something: a path in the values, or a variable of its containers. */
type Where = { values: readonly string[] } | { env: string };

/** What the pod is told instead of the live database. */
export interface Told {
  rehearsal: Record<'database' | 'user' | 'password', Where>;
  /** Of the copy, and of the role: both have it. */
  name: string;
  /** The Secret of the rehearsal, and the key of its password. */
  secret: { name: string; key: string };
}

/** Paths of the values, with what the rehearsal has there. */
export function rehearsalValues(
  { rehearsal: { database, user, password }, name, secret }: Told,
  autoMigrate: { path: readonly string[]; on: string },
): { path: readonly string[]; value: string }[] {
  const told = [
    [database, name],
    [user, name],
    [password, secret.name],
  ] as const;
  return [
    { path: autoMigrate.path, value: autoMigrate.on },
    ...told.flatMap(([where, value]) => ('values' in where ? [{ path: where.values, value }] : [])),
  ];
}

/** Kinds of volumes that hold nothing of production beside Secrets and ConfigMaps, which are copied. */
const keptVolumes = ['emptyDir', 'configMap', 'secret', 'downwardAPI', 'projected'];
/** Which token a pod gets, and what it shares with its node or has precedence over. */
const leftOut = [
  'serviceAccountName',
  'serviceAccount',
  'imagePullSecrets',
  'hostNetwork',
  'hostPID',
  'hostIPC',
  'priorityClassName',
  'priority',
  'preemptionPolicy',
];
/** A probe would end a migration that takes long; ports and hooks serve others. */
const leftOutOfContainers = ['livenessProbe', 'readinessProbe', 'startupProbe', 'lifecycle', 'ports'];

export const without = <T extends Json>(object: T, keys: readonly string[]): T =>
  Object.fromEntries(Object.entries(object).filter(([key]) => !keys.includes(key))) as T;

/**
 * The pod of a rehearsal, out of the template of the workload that migrates. `renamed` says under which name
 * a Secret or a ConfigMap is copied for it.
 */
export function rehearsalPod(
  template: PodSpec,
  told: Told,
  renamed: (reference: Pick<Reference, 'kind' | 'name'>) => string,
): PodSpec {
  const pod = without(structuredClone(template), leftOut);
  const containers = [pod.containers, pod.initContainers ?? []].map((all) =>
    all.map((one) => rehearsalContainer(one, told)),
  );
  const [main = [], init = []] = containers;
  const volumes = (pod.volumes ?? []).map(rehearsalVolume);
  const named = new Set(volumes.map(({ name }) => name));
  // Those of a StatefulSet's claim templates.
  const claimed = [...main, ...init].flatMap(({ volumeMounts = [] }) => volumeMounts.map(({ name }) => name));
  for (const name of new Set(claimed)) if (!named.has(name)) volumes.push({ name, emptyDir: {} });
  const made: PodSpec = {
    ...pod,
    containers: main,
    ...(init.length > 0 && { initContainers: init }),
    volumes,
    restartPolicy: 'Never',
    automountServiceAccountToken: false,
  };
  renameReferences(made, (one) =>
    one.kind === 'Secret' && one.name === told.secret.name ? one.name : renamed(one),
  );
  return made;
}

/** Lets a pod read Secrets and ConfigMaps of other names. */
export function renameReferences(
  pod: PodSpec,
  renamed: (reference: Pick<Reference, 'kind' | 'name'>) => string,
): void {
  for (const { at, key } of referencesIn(pod))
    at.object[key] = renamed({ kind: at.kind, name: at.object[key] as string });
}

function rehearsalContainer(container: Container, told: Told): Container {
  const { rehearsal, name, secret } = told;
  const set = [
    [rehearsal.database, { value: name }],
    [rehearsal.user, { value: name }],
    [rehearsal.password, { valueFrom: { secretKeyRef: { name: secret.name, key: secret.key } } }],
  ] as const;
  const variables = set.flatMap(([where, of]) => ('env' in where ? [{ name: where.env, ...of }] : []));
  const { env = [], resources, securityContext } = container;
  const others = env.filter((one) => !variables.some((variable) => variable.name === one.name));
  return {
    ...without(container, leftOutOfContainers),
    env: [...others, ...variables],
    // The least share of the processors: the product comes first.
    resources: { ...resources, requests: { ...resources?.requests, cpu: '1m' } },
    ...(securityContext !== undefined && { securityContext: without(securityContext, ['privileged']) }),
  };
}

function rehearsalVolume(volume: Json): Json {
  const kind = keptVolumes.find((one) => one in volume);
  if (kind === undefined) return { name: volume['name'], emptyDir: {} };
  if (kind !== 'projected') return { name: volume['name'], [kind]: volume[kind] };
  const { sources = [], ...rest } = volume['projected'] as { sources?: Json[] };
  const kept = sources.filter((one) => ['secret', 'configMap', 'downwardAPI'].some((each) => each in one));
  return { name: volume['name'], projected: { ...rest, sources: kept } };
}

interface Place {
  at: { kind: Reference['kind']; object: Json };
  key: 'name' | 'secretName';
}

/** Where a pod names Secrets and ConfigMaps. */
function referencesIn(pod: PodSpec): Place[] {
  const found: Place[] = [];
  const add = (kind: Reference['kind'], object: unknown, key: Place['key'] = 'name') => {
    if (typeof object === 'object' && object !== null && typeof (object as Json)[key] === 'string')
      found.push({ at: { kind, object: object as Json }, key });
  };
  for (const { env = [], envFrom = [] } of [...pod.containers, ...(pod.initContainers ?? [])]) {
    for (const { valueFrom } of env) {
      add('Secret', valueFrom?.['secretKeyRef']);
      add('ConfigMap', valueFrom?.['configMapKeyRef']);
    }
    for (const from of envFrom) {
      add('Secret', from['secretRef']);
      add('ConfigMap', from['configMapRef']);
    }
  }
  for (const volume of pod.volumes ?? []) {
    add('Secret', volume['secret'], 'secretName');
    add('ConfigMap', volume['configMap']);
    for (const source of (volume['projected'] as { sources?: Json[] } | undefined)?.sources ?? []) {
      add('Secret', source['secret']);
      add('ConfigMap', source['configMap']);
    }
  }
  return found;
}

/** The Secrets and ConfigMaps that a pod names, each once. */
export function referencesOf(pod: PodSpec): Reference[] {
  const found = new Map<string, Reference>();
  for (const { at, key } of referencesIn(pod)) {
    const name = at.object[key] as string;
    const optional = at.object['optional'] === true && (found.get(`${at.kind}/${name}`)?.optional ?? true);
    found.set(`${at.kind}/${name}`, { kind: at.kind, name, optional });
  }
  return [...found.values()];
}

/** By what a text could lead to the live database. */
export interface LiveDatabase {
  name: string;
  password: string;
}

const base64Run = /[A-Za-z0-9+/_-]{8,}={0,2}/g;
const deepest = 3;

/** What of the live database a text names, also where it is encoded; undefined for nothing. */
export function namesLive(text: string, live: LiveDatabase, depth = 0): 'name' | 'password' | undefined {
  if (live.password !== '' && text.includes(live.password)) return 'password';
  const name = live.name.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&');
  if (new RegExp(`(?<![A-Za-z0-9_-])${name}(?![A-Za-z0-9_-])`).test(text)) return 'name';
  if (depth >= deepest) return undefined;
  const others = [urlDecoded(text), ...[...text.matchAll(base64Run)].map(([run]) => decoded(run))];
  for (const other of others) {
    const found = other === undefined || other === text ? undefined : namesLive(other, live, depth + 1);
    if (found !== undefined) return found;
  }
  return undefined;
}

const decoded = (run: string): string => Buffer.from(run, 'base64').toString('utf8');

function urlDecoded(text: string): string | undefined {
  if (!/%[0-9A-Fa-f]{2}/.test(text)) return undefined;
  return text.replaceAll(/(?:%[0-9A-Fa-f]{2})+/g, (run) =>
    Buffer.from(run.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}

/** Texts of a pod in which the live database must not be named: images have names of their own. */
export function textsOf(pod: PodSpec): { where: string; text: string }[] {
  const { containers, initContainers = [], ...rest } = pod;
  return [...containers, ...initContainers]
    .flatMap((container) => {
      const {
        name,
        env = [],
        command = [],
        args = [],
      } = container as Container & {
        name: string;
        command?: string[];
        args?: string[];
      };
      return [
        ...env.map((one) => ({ where: `the variable ${one.name}`, text: one.value ?? '' })),
        ...[...command, ...args].map((text) => ({ where: `the command of container ${name}`, text })),
      ];
    })
    .concat({ where: 'the pod', text: JSON.stringify(rest['hostAliases'] ?? '') });
}

/** A Service's selector takes a pod with all of its labels; one without labels takes none. */
export const selects = (
  selector: Readonly<Record<string, string>> | undefined,
  labels: Readonly<Record<string, string>>,
) =>
  Object.keys(selector ?? {}).length > 0 &&
  Object.entries(selector ?? {}).every(([key, value]) => labels[key] === value);
