import type { Containerd } from '../host/containerd.ts';
import type { KubeObject, Kubectl } from '../host/kubectl.ts';
import { markedNames } from '../images/pins.ts';
import { normalizedReference } from '../images/reference.ts';
import { type Known, known } from '../known.ts';
import { makersOf } from './ours.ts';
import type { Product } from '../payload/product-schema.ts';

/** The names in containerd that carry our mark. */
export interface OurImages {
  /** Only we pinned them, and nobody else's pod or workload names them. */
  ours: string[];
  /** Others use or pin them too, or had them before us, and why: they only lose what we have added. */
  shared: { name: string; why: string; isPinnedByOthers: boolean }[];
  /** Names by ID that lead only where names of `ours` lead. */
  byId: string[];
}

const workloads = 'pods,replicasets,deployments,statefulsets,daemonsets,jobs,cronjobs';

/**
 * Which of the images with our mark are ours alone; not known where containerd or the cluster does not say.
 */
export function ourImages(
  { containerd, kubectl }: { containerd: Containerd; kubectl: Kubectl },
  product: Pick<Product, 'name' | 'command' | 'namespace' | 'release'>,
  signal: AbortSignal,
): Promise<Known<OurImages>> {
  return known(
    (async () => {
      const [stored, objects] = await Promise.all([
        containerd.names(),
        kubectl.list(workloads, { allNamespaces: true, signal }),
      ]);
      const users = new Map<string, string>();
      const foreign = foreignIn(objects, product);
      for (const one of objects) {
        const { name, namespace = '' } = one.metadata;
        // What is not ours in our namespace stays there, and needs its image.
        if (namespace === product.namespace && !foreign.has(keyOf(one.kind, name))) continue;
        for (const image of imagesIn(one))
          users.set(normalizedReference(image), `${one.kind}/${name} of ${namespace} names it`);
      }
      const found: OurImages = { ours: [], shared: [], byId: [] };
      for (const { name, others, isPinnedByOthers } of markedNames(stored, product.name)) {
        const why = others ?? users.get(normalizedReference(name));
        if (why === undefined) found.ours.push(name);
        else found.shared.push({ name, why, isPinnedByOthers });
      }
      const gone = new Set(found.ours);
      const left = stored.filter(({ name }) => !gone.has(name));
      for (const { name, digest } of left.filter(({ name: one }) => one.startsWith('sha256:'))) {
        const leads = stored.some((one) => gone.has(one.name) && one.digest === digest);
        const isNamed = left.some((one) => one.digest === digest && !one.name.startsWith('sha256:'));
        if (leads && !isNamed) found.byId.push(name);
      }
      return found;
    })(),
  );
}

const keyOf = (kind: string, name: string): string => `${kind}/${name}`;

function foreignIn(
  objects: readonly KubeObject[],
  product: Pick<Product, 'name' | 'command' | 'namespace' | 'release'>,
): Set<string> {
  const within = objects.filter(({ metadata }) => metadata.namespace === product.namespace);
  const foreign = makersOf(within, product).filter(({ maker }) => maker === 'foreign');
  return new Set(foreign.map(({ kind, name }) => keyOf(kind, name)));
}

/** Every image that a pod or a template in it names. */
function imagesIn(object: KubeObject): string[] {
  const found: string[] = [];
  const walk = (part: unknown): void => {
    if (typeof part !== 'object' || part === null) return;
    for (const [key, value] of Object.entries(part)) {
      if (/^(c|initC|ephemeralC)ontainers$/.test(key) && Array.isArray(value))
        for (const { image } of value as { image?: unknown }[])
          if (typeof image === 'string') found.push(image);
      walk(value);
    }
  };
  walk((object as KubeObject & { spec?: unknown }).spec);
  return found;
}
