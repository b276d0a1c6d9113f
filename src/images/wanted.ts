import { IvaapError } from '../errors.ts';
import type { IndexImage, PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product } from '../payload/product-schema.ts';
import { normalizedReference, versionOf } from './reference.ts';

/** An image that this release needs on this host. */
export interface WantedImage {
  image: IndexImage;
  /** As containerd names it: registry and tag included, or the digest instead of the tag. */
  name: string;
  /** The payload's name of the archive that brings it, which is also its place below the product's folder. */
  archive: string;
}

/**
 * Whether a name may be given to a manifest of the same image: one with a digest only to the payload's own,
 * which stands for the index where the digest is an index's.
 */
export const mayName = (
  { name, image }: Pick<WantedImage, 'name' | 'image'>,
  manifestDigest: string,
): boolean => {
  const digest = versionOf(name)?.digest;
  return digest === undefined || [digest, image.manifest.digest].includes(manifestDigest);
};

/** Archives that a host with these entitlements needs: the core's and its connectors'. */
export function wantedArchives(
  product: Pick<Product, 'archives' | 'entitlements'>,
  entitlements: readonly string[],
): string[] {
  const { core, connectorsFolder } = product.archives;
  const connectors = entitlements.flatMap((name) => product.entitlements[name]?.connector ?? []);
  return [core, ...new Set(connectors.map((connector) => `${connectorsFolder ?? ''}/${connector}.tar.gz`))];
}

/**
 * Entitlements any of which brings an image of these archives to a host; undefined where every host needs it.
 */
export function entitlementsFor(
  product: Pick<Product, 'archives' | 'entitlements'>,
  archives: readonly string[],
): string[] | undefined {
  const brings = (granted: readonly string[]) =>
    wantedArchives(product, granted).some((name) => archives.includes(name));
  return brings([]) ? undefined : Object.keys(product.entitlements).filter((name) => brings([name]));
}

/** The images of those archives, each once. Throws 'payload' when the payload lacks an archive. */
export function wantedImages(
  index: Pick<PayloadIndex, 'images' | 'archives'>,
  product: Pick<Product, 'archives' | 'entitlements'>,
  entitlements: readonly string[],
): WantedImage[] {
  const wanted = new Map<string, WantedImage>();
  for (const name of wantedArchives(product, entitlements)) {
    const archive = index.archives.find((candidate) => candidate.name === name);
    if (archive === undefined) throw new IvaapError('payload', `the payload holds no archive ${name}`);
    for (const reference of archive.images) {
      const image = index.images.find((candidate) => candidate.reference === reference);
      if (image === undefined) throw new IvaapError('payload', `the payload holds no image ${reference}`);
      // Two spellings are one name to the runtime.
      const runtimeName = normalizedReference(reference);
      if (!wanted.has(runtimeName)) wanted.set(runtimeName, { image, name: runtimeName, archive: name });
    }
  }
  return [...wanted.values()];
}
