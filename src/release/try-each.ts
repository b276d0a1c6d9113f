import type { KubeObject, Kubectl, Manifest } from '../host/kubectl.ts';
import { type Trial, tryCreate } from '../host/server-questions.ts';
import { isFullQuota } from '../policy/refusal.ts';

const atOnce = 4;

/** kubectl accepts objects of one namespace per call. */
export const byNamespace = <T extends Manifest>(manifests: readonly T[], usual: string): Map<string, T[]> =>
  Map.groupBy(manifests, ({ metadata }) => metadata.namespace ?? usual);

interface Asking<T> {
  together(some: readonly Manifest[], namespace: string): Promise<Trial>;
  /** For an object that was accepted together with the others: the object as the server would have it. */
  taken(object: KubeObject): T;
  alone(manifest: Manifest, namespace: string): Promise<T>;
}

/**
 * Tries all objects at once, and each alone where something is refused: kubectl's message about several
 * objects does not say which is which. `usual` is the namespace of those that name none.
 */
export async function tryEach<T>(
  manifests: readonly Manifest[],
  usual: string,
  { together, taken, alone }: Asking<T>,
): Promise<Map<Manifest, T>> {
  const found = new Map<Manifest, T>();
  for (const [namespace, some] of byNamespace(manifests, usual)) {
    const { objects } = await together(some, namespace);
    if (objects?.length === some.length) {
      for (const [place, manifest] of some.entries())
        found.set(manifest, taken(objects[place] as KubeObject));
      continue;
    }
    await inParallel(some, async (manifest) => void found.set(manifest, await alone(manifest, namespace)));
  }
  return found;
}

interface Creation {
  /** As the server would have it, where it returns it. */
  object?: KubeObject | undefined;
  /** Why the server refuses it; a full quota is no refusal: it depends on what ends before. */
  refusal?: string | undefined;
}

/** Tries to create each object, as a given user or our own. */
export function tryCreations(
  kubectl: Kubectl,
  manifests: readonly Manifest[],
  { usual, signal, as }: { usual: string; signal: AbortSignal; as: string | undefined },
): Promise<Map<Manifest, Creation>> {
  const create = (some: readonly Manifest[], namespace: string) =>
    tryCreate(kubectl, some, { namespace, signal, ...(as === undefined ? {} : { as }) });
  return tryEach<Creation>(manifests, usual, {
    together: create,
    taken: (object) => ({ object }),
    async alone(manifest, namespace) {
      const { objects, refusal } = await create([manifest], namespace);
      return refusal === undefined || isFullQuota(refusal) ? { object: objects?.[0] } : { refusal };
    },
  });
}

async function inParallel<T>(all: readonly T[], work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...all];
  const worker = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await work(one);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
