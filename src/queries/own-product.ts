import { openPayload } from '../payload/open-payload.ts';
import type { Product } from '../payload/product-schema.ts';

/** The product of this executable, with its release's version. Throws `payload` where it carries none. */
export async function ownProduct(): Promise<Product & { version: string }> {
  const payload = await openPayload();
  try {
    return { ...(await payload.product()), version: payload.identity.version };
  } finally {
    await payload.close();
  }
}
