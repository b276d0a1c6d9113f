import type { Containerd, RuntimeContainer, StoredImage } from '../host/containerd.ts';
import { namesOf } from './compare-runtime.ts';
import { keptName, pinImage, type PinOptions, releaseLabel } from './pins.ts';
import type { WantedImage } from './wanted.ts';
import { normalizedReference } from './reference.ts';

/**
 * Before a name moves from `old` to the image `digest`: `old` would be left without any, and kubelet's
 * collection would take it from the rollback, or from another product. It gets a name of ours, and a pin.
 * Returns that name; undefined when nothing moves. `found`: how it was when we came.
 */
export async function keepMoved(
  containerd: Containerd,
  old: StoredImage | undefined,
  digest: string,
  options: PinOptions,
  found?: string,
): Promise<string | undefined> {
  if (old === undefined || old.digest === digest) return undefined;
  const { product, version, keepVersions } = options;
  const name = keptName(product, old.digest);
  await containerd.tag(old.name, name);
  // Of the release that brought it; an unmarked image counts as the installed release's.
  const of = old.labels[releaseLabel(product)] ?? keepVersions[0] ?? version;
  await pinImage(containerd, name, { product, version: of }, found);
  return name;
}

/** A name that is another product's too. */
interface SharedName {
  name: string;
  keptAs: string;
  /** Pods of others whose containers were started from that name, `NAMESPACE/POD`. */
  users: string[];
}

/** The wanted names that lead to other images now, and that pods of other namespaces use. */
export async function sharedNames(
  containerd: Containerd,
  toMove: readonly Pick<WantedImage, 'name' | 'image'>[],
  product: { name: string; namespace: string },
): Promise<SharedName[]> {
  if (toMove.length === 0) return [];
  const stored = new Map((await containerd.names()).map(({ name, digest }) => [name, digest]));
  const moved = toMove.flatMap(({ name, image }) => {
    const digest = stored.get(name);
    if (digest === undefined || digest === image.manifest.digest) return [];
    return [{ name, keptAs: keptName(product.name, digest) }];
  });
  if (moved.length === 0) return [];
  const [containers, images] = await Promise.all([
    containerd.runtimeContainers(),
    containerd.runtimeImages(),
  ]);
  const others = containers.filter(({ namespace }) => namespace !== product.namespace);
  return moved.flatMap((one) => {
    const id = images.find((image) => namesOf(image).includes(one.name))?.id;
    const uses = ({ imageName, imageId }: RuntimeContainer) =>
      imageName === undefined ? imageId === id : normalizedReference(imageName) === one.name;
    const users = new Set(others.filter(uses).map(({ namespace, pod }) => `${namespace}/${pod}`));
    return users.size === 0 ? [] : [{ ...one, users: [...users].sort() }];
  });
}

/** What the operator has to know before such a name is moved. */
export const moveWarning = ({ name, users, keptAs }: SharedName): string =>
  `${name} is also used by ${users.join(', ')}. From now on it ` +
  "points to this release's image: those pods keep running, " +
  `and use this image when they are recreated. Their present image is kept as ${keptAs}`;
