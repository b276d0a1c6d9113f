import { Redactor } from '../engine/redact.ts';
import { readState } from '../engine/state.ts';
import { causeChain, IvaapError } from '../errors.ts';
import type { RuntimeImage } from '../host/containerd.ts';
import { listPods, type PodState } from '../host/pods.ts';
import { isRoot } from '../host/system.ts';
import { normalizedReference } from '../images/reference.ts';
import { lookUp, type Presence } from '../images/presence.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Payload } from '../payload/reader.ts';
import { usedEntitlements } from '../policy/used-entitlements.ts';
import { compareRelease } from '../policy/release-order.ts';
import { productPaths } from '../release/product-paths.ts';
import { installedLicense } from '../release/secrets-of-host.ts';
import { type HostTools, openHost } from '../session/host-tools.ts';
import type { Machine } from '../session/machine.ts';
import type { Known } from '../known.ts';
import { recordedScheme, schemeOf } from '../version.ts';

/** What this host has of a payload's images; each part may be unknown. */
export interface HostImages {
  /** Images by ID, as kubelet sees them. */
  runtime: Known<RuntimeImage[]>;
  /**
   * What the content store has of the payload's images, by containerd's names, and the digests of all of its
   * blobs.
   */
  store: Known<{ presence: Map<string, Presence>; blobs: Set<string> }>;
  /** Pods of the product's namespace. */
  pods: Known<PodState[]>;
  /**
   * What the installed licence grants or runs already: it decides which archives an upgrade needs. Undefined:
   * no licence is installed.
   */
  entitlements: Known<string[] | undefined>;
}

const limitMs = 2000;

/**
 * Queries containerd and the cluster in parallel, for at most two seconds; what has not answered by then is
 * unknown. Changes nothing. Throws only when `signal` is aborted.
 */
export async function queryHostImages(
  index: PayloadIndex,
  product: Product,
  { machine, signal }: { machine: Machine; signal: AbortSignal },
): Promise<HostImages> {
  const late = AbortSignal.timeout(limitMs);
  const limit = AbortSignal.any([late, signal]);
  const over = new Promise<never>((_, reject) => {
    limit.addEventListener('abort', () => reject(limit.reason as Error), { once: true });
  });
  over.catch(() => {});
  const redactor = new Redactor();
  const host = isRoot()
    ? openHost(product, {
        machine: limited(machine, limit),
        reporter: { redactor, report: () => {} },
        signal: limit,
      })
    : Promise.reject(new IvaapError('failed', 'only root can query it; use sudo'));
  host.catch(() => {});
  const part = async <T>(ask: (tools: HostTools) => Promise<T>): Promise<Known<T>> => {
    try {
      return { known: true, value: await Promise.race([host.then(ask), over]) };
    } catch (error) {
      if (signal.aborted) throw signal.reason;
      if (late.aborted) return { known: false, why: `no answer within ${limitMs / 1000} s` };
      return { known: false, why: redactor.own(causeChain(error)[0] ?? 'it did not answer') };
    }
  };
  const names = index.images.map((image) => ({ image, name: normalizedReference(image.reference) }));
  const [runtime, store, pods, entitlements] = await Promise.all([
    part(({ containerd }) => containerd.runtimeImages()),
    part(async ({ containerd }) => {
      const [presence, blobs] = await Promise.all([lookUp(containerd, names), containerd.blobs()]);
      return { presence, blobs };
    }),
    part(({ kubectl }) => listPods(kubectl, { namespace: product.namespace })),
    part(async ({ kubectl }) => {
      const [license, used] = await Promise.all([
        installedLicense(kubectl, product, redactor),
        usedHere(product),
      ]);
      if (license === undefined && used.length === 0) return undefined;
      return [...new Set([...(license?.entitlements ?? []), ...used])];
    }),
  ]);
  return { runtime, store, pods, entitlements };
}

/** What runs already keeps its images: an upgrade loads those of its connectors whatever the licence says. */
async function usedHere(product: Product): Promise<string[]> {
  const paths = productPaths(product);
  const state = await readState(paths.state);
  if (state === undefined) return [];
  // Slow to load, and most hosts that are asked have nothing installed yet.
  const { readValuesFile } = await import('../release/values-file.ts');
  const { root } = await readValuesFile(paths.values, product.command);
  return usedEntitlements(product.entitlements, { values: root, derived: state.derived });
}

const installedState = (product: Product) => readState(productPaths(product).state).catch(() => undefined);

/** Version of the installed release of this product; null where none is, or where that is not known. */
export async function installedVersion(product: Product): Promise<string | null> {
  const state = await installedState(product);
  return state?.product === product.name ? (state.installed?.version ?? null) : null;
}

/**
 * Version of the installed release where it is newer than the payload's; undefined where it is not, or is
 * unknown.
 */
export async function newerInstalledThan(payload: Payload): Promise<string | undefined> {
  const product = await payload.product();
  const state = await installedState(product);
  if (state?.installed === undefined) return undefined;
  // A version may be one of both schemes, and those have no order.
  if (recordedScheme(state) !== schemeOf(product)) return undefined;
  const { version, payloadDigest } = state.installed;
  const file = { product: product.name, version: payload.identity.version, payloadDigest: payload.digest };
  const order = compareRelease(file, { product: state.product, version, payloadDigest });
  return order === 'older' ? version : undefined;
}

/** The same machine, whose programs are ended without grace when `limit` is aborted. */
function limited(machine: Machine, limit: AbortSignal): Machine {
  return {
    ...machine,
    createRunner: (settings) => {
      const runner = machine.createRunner(settings);
      const run: typeof runner.run = (argv, options) =>
        runner.run(argv, { ...options, signal: limit, graceMs: 0 });
      return { run };
    },
  };
}
