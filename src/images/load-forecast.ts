import { missingSizes } from './plan.ts';
import type { Presence } from './presence.ts';
import { wantedImages } from './wanted.ts';
import type { PayloadIndex } from '../payload/format/index-schema.ts';
import type { Product } from '../payload/product-schema.ts';

/** What an upgrade would load into containerd. */
export interface ImageLoad {
  /** Images that this host needs, and how many of them have to be loaded. */
  wanted: number;
  images: string[];
  /** Of blobs that the content store lacks, each counted once. */
  bytes: number;
  /** Uncompressed bytes of those layers. */
  unpackedBytes: number;
  /** `licence`: what the installed licence grants; `every archive`: the licence is not known. */
  counted: 'licence' | 'every archive';
}

/** What an upgrade would load, by the rules of its own plan. `entitlements` undefined: not known. */
export function imageLoad(
  index: PayloadIndex,
  product: Pick<Product, 'archives' | 'entitlements'>,
  store: { presence: ReadonlyMap<string, Presence>; blobs: ReadonlySet<string> },
  entitlements: readonly string[] | undefined,
): ImageLoad {
  const wanted = wantedImages(index, product, entitlements ?? Object.keys(product.entitlements));
  const toLoad = wanted.filter(({ name }) => (store.presence.get(name)?.state ?? 'missing') === 'missing');
  const { missingBytes, unpackedBytes } = missingSizes(
    toLoad.map(({ image }) => image),
    store.blobs,
  );
  return {
    wanted: wanted.length,
    images: toLoad.map(({ image }) => image.reference),
    bytes: missingBytes,
    unpackedBytes,
    counted: entitlements === undefined ? 'every archive' : 'licence',
  };
}
