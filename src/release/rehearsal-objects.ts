import { IvaapError } from '../errors.ts';
import type { KubeObject, Kubectl, Manifest } from '../host/kubectl.ts';
import { decodeData } from './secret-data.ts';
import {
  type LiveDatabase,
  namesLive,
  type PodSpec,
  referencesOf,
  rehearsalPod,
  selects,
  textsOf,
  type Told,
} from '../policy/rehearsal-pod.ts';
import type { Product } from '../payload/product-schema.ts';
import { sudo } from '../shell-word.ts';
import { hasOurLabels, ourLabels } from './ours.ts';

/** The objects of a rehearsal in the cluster: a Job, its Secret, and copies of what its pod reads. */

type Named = Pick<Product, 'name' | 'command' | 'namespace'>;

/** Name of the Job and of its Secret, and the beginning of all other names. */
export const rehearsalName = ({ name }: Pick<Product, 'name'>): string => `${name}-rehearsal`;

/** On each of its objects and on its pod, so that they are known; no Service selects them. */
const labelsOf = (product: Named) => ({
  ...ourLabels(product),
  'app.kubernetes.io/component': 'rehearsal',
});

const selectorOf = (product: Named): string =>
  Object.entries(labelsOf(product))
    .map(([key, value]) => `${key}=${value}`)
    .join(',');

/** Pods of the rehearsal. */
export const podsOf = (product: Named) => ({ namespace: product.namespace, selector: selectorOf(product) });

interface Parts {
  product: Product;
  /** The new release as it would be with the copy in its values. */
  rendered: readonly Manifest[];
  told: Told;
  /** Of the role; in the Secret of the rehearsal. */
  password: string;
  live: LiveDatabase;
  timeoutSeconds: number;
}

/**
 * All objects of a rehearsal, the Job last. Throws 'preflight' by name where its pod would still be told of
 * the live database, or a Service would send it requests.
 */
export async function rehearsalObjects(
  kubectl: Pick<Kubectl, 'get' | 'list'>,
  parts: Parts,
  signal: AbortSignal,
): Promise<Manifest[]> {
  const { product, rendered, told, password } = parts;
  const { namespace } = product;
  const labels = labelsOf(product);
  const prefix = rehearsalName(product);
  const source = templateOf(product, rendered);
  const ofCopy = ({ name }: { name: string }) => `${prefix}-${name}`;
  const pod = rehearsalPod(source, told, ofCopy);
  const copies: Manifest[] = [];
  // By its names of before: what the copies are made from.
  for (const { kind, name, optional } of referencesOf(rehearsalPod(source, told, ({ name: same }) => same))) {
    if (kind === 'Secret' && name === told.secret.name) continue;
    if (kind === 'Secret' && name === product.database.login?.secret.name)
      throw reaches(`its Secret ${name}`);
    const found =
      rendered.find((one) => one.kind === kind && one.metadata.name === name) ??
      (await kubectl.get(kind.toLowerCase(), name, { namespace, signal }));
    if (found === undefined && optional) continue;
    if (found === undefined) {
      throw new IvaapError('preflight', `the rehearsal's pod reads ${kind}/${name}, which is not there`, {
        hint: `${sudo.kubectl} get ${kind.toLowerCase()} -n ${namespace}`,
      });
    }
    const texts = decodeData(found);
    for (const [key, text] of Object.entries(texts))
      refuseLive(`${kind}/${name}, key ${key}`, text, parts.live);
    copies.push(copyOf(found, { name: ofCopy({ name }), namespace, labels }));
  }
  for (const { where, text } of textsOf(pod)) refuseLive(where, text, parts.live);
  const services = [
    ...rendered.filter(({ kind }) => kind === 'Service'),
    ...(await kubectl.list('services', { namespace, signal })),
  ] as (Manifest & { spec?: { selector?: Record<string, string> } })[];
  const taker = services.find(({ spec }) => selects(spec?.selector, labels));
  if (taker !== undefined) {
    throw new IvaapError(
      'preflight',
      `the Service ${taker.metadata.name} would send requests to the rehearsal`,
      {
        hint: 'give its selector another label than those of the installer',
      },
    );
  }
  const secret: Manifest = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name: told.secret.name, namespace, labels },
    data: { [told.secret.key]: encode(password) },
  };
  const job: Manifest = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: prefix, namespace, labels },
    spec: {
      parallelism: 1,
      completions: 1,
      backoffLimit: 0,
      // Also where nobody is left who would end it.
      activeDeadlineSeconds: parts.timeoutSeconds + 120,
      template: { metadata: { labels }, spec: pod },
    },
  };
  return [secret, ...copies, job];
}

/** What a pod reads of it, under another name. */
export function copyOf(found: KubeObject | Manifest, metadata: Manifest['metadata']): Manifest {
  const { apiVersion, kind } = found;
  const {
    data,
    stringData = {},
    binaryData,
    type,
  } = found as Manifest & { stringData?: Record<string, string> };
  const texts = Object.entries(stringData).map(([key, text]) => [key, encode(text)]);
  return {
    apiVersion,
    kind,
    metadata,
    ...(type === undefined ? {} : { type }),
    data: { ...(data as object | undefined), ...Object.fromEntries(texts) },
    ...(binaryData === undefined ? {} : { binaryData }),
  };
}

const encode = (text: string) => Buffer.from(text).toString('base64');

/** The pod of the workload that migrates. */
function templateOf({ values, workloads }: Product, rendered: readonly Manifest[]): PodSpec {
  const migrates = workloads.find(({ id }) => id === values.autoMigrate?.workload);
  const found = rendered.find(
    ({ kind, metadata }) => kind === migrates?.kind && metadata.name === migrates.name,
  ) as { spec?: { template?: { spec?: PodSpec } } } | undefined;
  const spec = found?.spec?.template?.spec;
  if (spec !== undefined) return spec;
  throw new IvaapError(
    'preflight',
    `the new chart renders no ${migrates?.kind ?? 'workload'} that migrates`,
    {
      hint: 'ask the vendor of this package',
    },
  );
}

function refuseLive(where: string, text: string, live: LiveDatabase): void {
  const found = namesLive(text, live);
  if (found !== undefined) throw reaches(`its ${found}, in ${where}`);
}

const reaches = (what: string) =>
  new IvaapError(
    'preflight',
    `the rehearsal's pod would still be told of the live database (${what}): it is not started`,
    { hint: 'upgrade without a rehearsal, and tell the vendor of this package' },
  );

/** A pod has its grace period to end. */
const deletionMs = 15 * 60_000;

/** Kinds of its objects, in the order in which they go: nothing starts a pod again. */
const kinds = ['job', 'pod', 'secret', 'configmap'] as const;

/** Deletes what a rehearsal has made in the cluster, and waits until it is gone. Returns what that was. */
export const deleteRehearsal = (
  kubectl: Pick<Kubectl, 'list' | 'delete'>,
  product: Named,
  signal?: AbortSignal,
): Promise<string[]> => deleteSelected(kubectl, podsOf(product), signal);

/** Deletes Jobs, pods, Secrets and ConfigMaps with these labels, and waits until they are gone. */
export async function deleteSelected(
  kubectl: Pick<Kubectl, 'list' | 'delete'>,
  { namespace, selector }: { namespace: string; selector: string },
  signal?: AbortSignal,
): Promise<string[]> {
  const scope = { namespace, timeoutMs: deletionMs, ...(signal && { signal }) };
  const gone: string[] = [];
  for (const kind of kinds) {
    const found = await kubectl.list(kind, { namespace, selector, ...(signal && { signal }) });
    for (const { metadata } of found) {
      await kubectl.delete(kind, metadata.name, scope);
      gone.push(`${kind}/${metadata.name}`);
    }
  }
  return gone;
}

/** Those of the objects whose names somebody else has taken: they have not our labels. */
export async function foreignObjects(
  kubectl: Pick<Kubectl, 'get'>,
  product: Named,
  objects: readonly Pick<Manifest, 'kind' | 'metadata'>[],
  signal?: AbortSignal,
): Promise<string[]> {
  const scope = { namespace: product.namespace, ...(signal && { signal }) };
  const found: string[] = [];
  for (const { kind, metadata } of objects) {
    const there = await kubectl.get<KubeObject>(kind.toLowerCase(), metadata.name, scope);
    if (there !== undefined && !hasOurLabels(there, product)) found.push(`${kind}/${metadata.name}`);
  }
  return found;
}
