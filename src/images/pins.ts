import { setTimeout as sleep } from 'node:timers/promises';
import { IvaapError } from '../errors.ts';
import type { Containerd, StoredImage } from '../host/containerd.ts';
import { namesOf } from './compare-runtime.ts';
import type { WantedImage } from './wanted.ts';

/** Read by CRI: kubelet's garbage collection leaves such an image alone. */
const pinLabel = 'io.cri-containerd.pinned';
const pinValue = 'pinned';
/** containerd tells CRI about a label in an event of its own. */
const settleMs = 15_000;

/** Our own mark on an image: which release brought it. */
export const releaseLabel = (product: string): string => `${product}.installer/release`;

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
  signal?: AbortSignal;
}

/** Pins one name: kubelet may collect what is not pinned minutes after it came. */
export async function pinImage(
  containerd: Containerd,
  name: string,
  { product, version }: Pick<PinOptions, 'product' | 'version'>,
): Promise<void> {
  await containerd.label(name, { [pinLabel]: pinValue, [releaseLabel(product)]: version });
}

/** Pins those of the images that are not yet: they are there, and a long load of others is about to start. */
export async function pinPresent(
  containerd: Containerd,
  images: readonly Pick<WantedImage, 'name'>[],
  stored: ReadonlyMap<string, StoredImage>,
  options: PinOptions,
): Promise<void> {
  for (const { name } of images)
    if (stored.get(name)?.labels[pinLabel] !== pinValue) await pinImage(containerd, name, options);
}

/**
 * Pins images and lets those of older releases go. Each was pinned when it came; what lost its label is
 * pinned again, and all of it is proved through CRI, which is what kubelet asks. Throws 'failed' when CRI
 * does not show an image as pinned under its name.
 */
export async function pinImages(
  containerd: Containerd,
  images: readonly Pick<WantedImage, 'name' | 'image'>[],
  options: PinOptions,
): Promise<{ unpinned: string[] }> {
  const mark = releaseLabel(options.product);
  const labelled = new Map((await containerd.names()).map(({ name, labels }) => [name, labels]));
  for (const { name } of images) {
    const labels = labelled.get(name) ?? {};
    if (labels[pinLabel] === pinValue && labels[mark] === options.version) continue;
    await pinImage(containerd, name, options);
  }
  const kept = new Set([options.version, ...options.keepVersions]);
  const current = new Set(images.map(({ name }) => name));
  const unpinned: string[] = [];
  for (const [name, labels] of labelled) {
    const version = labels[mark];
    if (version === undefined || kept.has(version) || current.has(name)) continue;
    if (isKept(name, options.product)) await containerd.remove([name]);
    else await containerd.label(name, { [pinLabel]: '', [mark]: '' });
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
        hint: 'k3s crictl images -o json',
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
 * their labels say it.
 */
export function markedNames(
  stored: readonly StoredImage[],
  product: string,
): { name: string; others: string | undefined }[] {
  const mark = releaseLabel(product);
  const suffix = releaseLabel('');
  return stored
    .filter(({ labels }) => labels[mark] !== undefined)
    .map(({ name, labels }) => {
      const other = Object.keys(labels).find((key) => key !== mark && key.endsWith(suffix));
      return { name, others: other === undefined ? undefined : `${other.replace(suffix, '')} pins it` };
    });
}

/** Takes our mark off; the pin with it, unless it is another product's too. */
export async function unpinName(
  containerd: Containerd,
  name: string,
  product: string,
  isPinnedByOthers: boolean,
): Promise<void> {
  const mark = { [releaseLabel(product)]: '' };
  await containerd.label(name, isPinnedByOthers ? mark : { ...mark, [pinLabel]: '' });
}
