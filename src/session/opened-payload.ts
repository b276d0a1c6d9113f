import type { PayloadIndex } from '../payload/format/index-schema.ts';
import { openPayload } from '../payload/open-payload.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import type { Payload } from '../payload/reader.ts';
import { productPaths, type ProductPaths } from '../release/product-paths.ts';
import type { Machine } from './machine.ts';

/** A payload with its data read, and the paths of its product. */
export interface OpenedPayload {
  payload: Payload;
  index: PayloadIndex;
  product: Product;
  release: Release;
  paths: ProductPaths;
}

export async function openOwnPayload({ executable }: Machine): Promise<OpenedPayload> {
  const payload = await openPayload(executable);
  const [index, product, release] = await Promise.all([
    payload.index(),
    payload.product(),
    payload.release(),
  ]);
  return { payload, index, product, release, paths: productPaths(product) };
}
