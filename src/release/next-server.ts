import { setTimeout as sleep } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import type { Manifest } from '../host/kubectl.ts';
import { type Pod, podState } from '../host/pods.ts';
import { createPostgres, type Postgres } from '../host/postgres.ts';
import type { Product } from '../payload/product-schema.ts';
import { matchesSelector } from '../policy/label-selector.ts';
import { nextServerPod } from '../policy/next-server-pod.ts';
import { type PodSpec, referencesOf, selects } from '../policy/rehearsal-pod.ts';
import { asRoot, shellWord, sudo } from '../shell-word.ts';
import type { StepContext, UpgradeContext } from './context.ts';
import { ourLabels } from './ours.ts';
import { podTrouble } from './pod-trouble.ts';
import { graceMsOf } from './pod-watch.ts';
import { copyOf, deleteSelected } from './rehearsal-objects.ts';

/** The database server of another major version that works beside the live one, for one step. */

const pauseMs = 1000;

const nameOf = ({ name }: Pick<Product, 'name'>) => `${name}-next-database`;

const labelsOf = (product: Pick<Product, 'name' | 'command'>) => ({
  ...ourLabels(product),
  'app.kubernetes.io/component': 'next-database',
});

const podOf = (product: Product) => ({
  namespace: product.namespace,
  selector: Object.entries(labelsOf(product))
    .map(([key, value]) => `${key}=${value}`)
    .join(','),
});

type Template = { metadata?: { labels?: Record<string, string> }; spec?: PodSpec };

/**
 * Its objects, the pod last. Throws 'preflight' where the new chart does not mount the database's claim, and
 * where a Service would send it requests.
 */
export async function nextServerObjects(ctx: UpgradeContext, folder: string): Promise<Manifest[]> {
  const { product } = ctx;
  const { namespace, database } = product;
  const rendered = await ctx.rendered();
  const [template] = rendered.flatMap((one) => {
    const found = (one['spec'] as { template?: Template } | undefined)?.template;
    return found?.spec !== undefined && matchesSelector(found.metadata?.labels, database.selector)
      ? [found.spec]
      : [];
  });
  const { claim } = database.volume;
  const labels = labelsOf(product);
  const ofNew = ({ kind, name }: { kind: string; name: string }) =>
    rendered.find((one) => one.kind === kind && one.metadata.name === name);
  const renamed = (one: { kind: string; name: string }) =>
    ofNew(one) === undefined ? one.name : `${nameOf(product)}-${one.name}`;
  const pod = template && nextServerPod(template, { claim, folder, renamed });
  if (template === undefined || pod === undefined) {
    throw new IvaapError('preflight', `no pod of ${database.selector} in the new chart mounts ${claim}`, {
      hint: 'ask the vendor of this package',
    });
  }
  const services = rendered.filter(({ kind }) => kind === 'Service') as (Manifest & {
    spec?: { selector?: Record<string, string> };
  })[];
  const taker = services.find(({ spec }) => selects(spec?.selector, labels));
  if (taker !== undefined) {
    throw new IvaapError('preflight', `the Service ${taker.metadata.name} selects the installer's own pods`, {
      hint: 'ask the vendor of this package',
    });
  }
  const copies = referencesOf(template).flatMap((one) => {
    const found = ofNew(one);
    return found === undefined ? [] : [copyOf(found, { name: renamed(one), namespace, labels })];
  });
  return [
    ...copies,
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: nameOf(product), namespace, labels },
      spec: { ...pod },
    },
  ];
}

/**
 * Starts it, and waits until it answers. Throws 'failed' with what its pod says where it cannot start, or has
 * another major version than `major`.
 */
export async function startNextServer(
  ctx: UpgradeContext,
  { folder, major }: { folder: string; major: number },
  signal: AbortSignal,
): Promise<Postgres> {
  const { product, kubectl } = ctx;
  const { namespace } = product;
  for (const object of await nextServerObjects(ctx, folder))
    await kubectl.apply([object], { namespace, signal });
  const { container, user, name } = product.database;
  const server = createPostgres(kubectl, { ...podOf(product), container, user, database: name });
  await untilReady(ctx, signal);
  const found = Number.parseInt(await server.serverVersion(signal), 10);
  if (found === major) return server;
  throw new IvaapError('failed', `the new server is PostgreSQL ${found}, and not ${major}`, {
    hint: 'ask the vendor of this package; the product is started again as it was',
  });
}

async function untilReady(ctx: UpgradeContext, signal: AbortSignal): Promise<void> {
  const { product, kubectl } = ctx;
  const graceMs = graceMsOf(product);
  const end = performance.now() + product.helm.timeoutSeconds * 1000;
  let since: number | undefined;
  for (;;) {
    const [pod] = await kubectl.list<Pod>('pod', { ...podOf(product), signal });
    if (pod !== undefined && podState(pod).ready) return;
    const trouble = pod && podTrouble(pod, [], ctx.now());
    const now = performance.now();
    since = trouble === undefined || trouble.kind === 'unready' ? undefined : (since ?? now);
    if (now > end || (since !== undefined && now - since > graceMs)) {
      const log = await kubectl
        .logs({ namespace: product.namespace, pod: nameOf(product) }, { tailLines: 20, signal })
        .catch(() => '');
      throw new IvaapError(
        'failed',
        `the new database server does not start: ${trouble?.message ?? 'its pod is not ready'}`,
        {
          output: log,
          hint: `${sudo.kubectl} describe node; then run the same command again`,
        },
      );
    }
    await sleep(pauseMs, undefined, { signal });
  }
}

/**
 * Ends it, whoever has started it, and waits until no pod of it is left: nothing works in its folder then.
 * Returns what was deleted.
 */
export const removeNextServer = (
  { kubectl, product }: Pick<StepContext, 'kubectl' | 'product'>,
  signal?: AbortSignal,
): Promise<string[]> => deleteSelected(kubectl, podOf(product), signal);

/** Of a folder at the place of the new one that this run has not made. */
export function othersFolder(folder: string): IvaapError {
  const move = asRoot(`mv ${shellWord(folder)} ${shellWord(`${folder}.old`)}`);
  return new IvaapError(
    'failed',
    `${folder} is where the new data folder would be made, and this run has not made it: it stays as it is`,
    { hint: `if nothing needs it, move it away: ${move}` },
  );
}
