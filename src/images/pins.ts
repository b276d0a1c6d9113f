import { setTimeout as sleep } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import type { Containerd, StoredImage } from '../host/containerd.ts';
import { namesOf } from './compare-runtime.ts';
import { sameRecordedVersion } from '../version.ts';
import type { WantedImage } from './wanted.ts';
import { sudo } from '../shell-word.ts';

/** Read by CRI: kubelet's garbage collection leaves such an image alone. */
const pinLabel = 'io.cri-containerd.pinned';
const pinValue = 'pinned';
/** containerd tells CRI about a label in an event of its own. */
const settleMs = 15_000;

/** Our own mark on an image: which release brought it. */
export const releaseLabel = (product: string): string => `${product}.installer/release`;

/** How an image was when we first marked it: `there`, or `pinned` by others. We brought those without it. */
const foundLabel = (product: string): string => `${product}.installer/found`;

/** Names of images that are being imported. */
export const stagingPrefix = (product: string): string => `${product}.invalid/staging/`;

/** What {@link foundLabel} says of a name that is in the store; undefined where nobody else had it. */
export function foundBefore(
  one: StoredImage | undefined,
  stored: ReadonlyMap<string, StoredImage>,
  product: string,
): string | undefined {
  if (one === undefined) return undefined;
  const { labels, digest } = one;
  if (labels[releaseLabel(product)] !== undefined) return labels[foundLabel(product)];
  // A run of ours died between the name and its mark.
  const isOurs = ({ name, digest: staged }: StoredImage) =>
    staged === digest && name.startsWith(stagingPrefix(product));
  if ([...stored.values()].some(isOurs)) return undefined;
  return labels[pinLabel] === pinValue ? 'pinned' : 'there';
}

/**
 * Names of ours for images that lost theirs to another release's: `:stable` in two releases, or a tag that
 * was rebuilt.
 */
export const keptName = (product: string, digest: string): string =>
  `${product}.invalid/kept/${digest.replace('sha256:', '')}:image`;

const isKept = (name: string, product: string): boolean =>
  name.startsWith(keptName(product, '').replace(':image', ''));

export interface PinOptions {
  product: string;
  version: string;
  /** Releases whose images stay pinned in addition to this one's: the one that a rollback goes back to. */
  keepVersions: readonly string[];
  /** Those of all other releases stay pinned, too. */
  keepsAll?: boolean;
  signal?: AbortSignal;
}

/** Pins one name: kubelet may collect what is not pinned minutes after it came. */
export async function pinImage(
  containerd: Containerd,
  name: string,
  { product, version }: Pick<PinOptions, 'product' | 'version'>,
  found?: string,
): Promise<void> {
  await containerd.label(name, {
    [pinLabel]: pinValue,
    [releaseLabel(product)]: version,
    ...(found === undefined ? {} : { [foundLabel(product)]: found }),
  });
}

/**
 * Pins those of the images that are not yet, and marks them: they are there, and a long load of others is
 * about to start.
 */
export async function pinPresent(
  containerd: Containerd,
  images: readonly Pick<WantedImage, 'name'>[],
  stored: ReadonlyMap<string, StoredImage>,
  options: PinOptions,
): Promise<void> {
  for (const { name } of images) {
    const one = stored.get(name);
    const isMarked = one?.labels[releaseLabel(options.product)] !== undefined;
    if (one?.labels[pinLabel] === pinValue && isMarked) continue;
    await pinImage(containerd, name, options, foundBefore(one, stored, options.product));
  }
}

/**
 * Pins images and lets those of older releases go: they lose the pin and keep our mark, by which an uninstall
 * knows them. Each was pinned when it came; what lost its label is pinned again, and all of it is proved
 * through CRI, which is what kubelet asks. Throws 'failed' when CRI does not show an image as pinned under
 * its name.
 */
export async function pinImages(
  containerd: Containerd,
  images: readonly Pick<WantedImage, 'name' | 'image'>[],
  options: PinOptions,
): Promise<{ unpinned: string[] }> {
  const mark = releaseLabel(options.product);
  const stored = await containerd.names();
  const labelled = new Map(stored.map(({ name, labels }) => [name, labels]));
  for (const { name } of images) {
    const labels = labelled.get(name) ?? {};
    if (labels[pinLabel] === pinValue && sameRecordedVersion(labels[mark] ?? '', options.version)) continue;
    await pinImage(containerd, name, options);
  }
  if (options.keepsAll === true) {
    await provePins(containerd, images, options.signal);
    return { unpinned: [] };
  }
  const isKeptVersion = (version = '') =>
    [options.version, ...options.keepVersions].some((one) => sameRecordedVersion(one, version));
  const current = new Set(images.map(({ name }) => name));
  const unpinned: string[] = [];
  for (const { name, isPinnedByOthers } of markedNames(stored, options.product)) {
    const labels = labelled.get(name) ?? {};
    if (isKeptVersion(labels[mark]) || current.has(name)) continue;
    const isOurName = isKept(name, options.product) && labels[foundLabel(options.product)] === undefined;
    if (isOurName) await containerd.remove([name]);
    else if (labels[pinLabel] !== pinValue || isPinnedByOthers) continue;
    else await containerd.label(name, { [pinLabel]: '' });
    unpinned.push(name);
  }
  await provePins(containerd, images, options.signal);
  return { unpinned };
}

async function provePins(
  containerd: Containerd,
  images: readonly Pick<WantedImage, 'name' | 'image'>[],
  signal: AbortSignal | undefined,
): Promise<void> {
  for (let waitedMs = 0, waitMs = 100; ; waitedMs += waitMs, waitMs = Math.min(waitMs * 2, 2000)) {
    const unproved = await unpinnedOf(containerd, images);
    if (unproved.length === 0) return;
    if (waitedMs >= settleMs) {
      throw new IvaapError('failed', `the container runtime does not keep ${unproved.join(', ')} pinned`, {
        hint: `${sudo.crictl} images -o json`,
      });
    }
    await sleep(waitMs, undefined, { signal });
  }
}

/** Wanted images that CRI does not show, by ID, as pinned and under their name. */
export async function unpinnedOf(
  containerd: Containerd,
  images: readonly Pick<WantedImage, 'name' | 'image'>[],
): Promise<string[]> {
  const known = new Map((await containerd.runtimeImages()).map((image) => [image.id, image]));
  return images
    .filter(({ name, image }) => {
      const shown = known.get(image.config.digest);
      return shown?.pinned !== true || !namesOf(shown).includes(name);
    })
    .map(({ name }) => name);
}

/**
 * The names with our mark, whichever release brought them; `others`: why they are not ours alone, as far as
 * their labels say it. Older releases did not record how they found an image: k3s' own pins still tell.
 */
export function markedNames(
  stored: readonly StoredImage[],
  product: string,
): { name: string; others: string | undefined; isPinnedByOthers: boolean }[] {
  const mark = releaseLabel(product);
  const suffix = releaseLabel('');
  return stored
    .filter(({ labels }) => labels[mark] !== undefined)
    .map(({ name, labels }) => {
      const other = Object.keys(labels).find((key) => key !== mark && key.endsWith(suffix));
      const pin = Object.keys(labels).find((key) => key !== pinLabel && key.endsWith('.pinned'));
      const found = labels[foundLabel(product)];
      const pinnedBy = other === undefined ? pin && `its label ${pin}` : other.replace(suffix, '');
      const wasThere = found === undefined ? undefined : 'it was there before';
      return {
        name,
        others: pinnedBy === undefined ? wasThere : `${pinnedBy} pins it`,
        isPinnedByOthers: pinnedBy !== undefined || found === 'pinned',
      };
    });
}

/** Whether a name has neither our mark nor anybody's pin. */
export const isUnmarked = ({ labels }: StoredImage, product: string): boolean =>
  labels[releaseLabel(product)] === undefined &&
  !Object.keys(labels).some((key) => key.endsWith('.pinned') || key.endsWith(releaseLabel('')));

/** Takes our mark off; the pin with it, unless it is another product's too. */
export async function unpinName(
  containerd: Containerd,
  name: string,
  product: string,
  isPinnedByOthers: boolean,
): Promise<void> {
  const mark = { [releaseLabel(product)]: '', [foundLabel(product)]: '' };
  await containerd.label(name, isPinnedByOthers ? mark : { ...mark, [pinLabel]: '' });
}
