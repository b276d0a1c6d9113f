import { openPayload } from '../payload/open-payload.ts';
import { NoPayload } from '../payload/locate.ts';
import type { Product } from '../payload/product-schema.ts';
import { type Role, roleOf } from '../policy/path-names.ts';

/** What this executable does under the name that it was started with. */
export type OwnRole = { role: 'main' } | { role: Exclude<Role, 'main'>; product: Product };

/**
 * The role of a name. Whatever is not another name of this product is the program itself: a file may be
 * called anything. Throws IvaapError `payload` for a damaged file that has another name than it was delivered
 * with, so that its other names never read their arguments as commands.
 */
export async function ownRole(name: string, fileName: string): Promise<OwnRole> {
  try {
    const payload = await openPayload();
    try {
      if (payload.identity.command === name) return { role: 'main' };
      const product = await payload.product();
      const role = roleOf(name, product) ?? 'main';
      return role === 'main' ? { role } : { role, product };
    } finally {
      await payload.close();
    }
  } catch (error) {
    // The command itself says what is wrong with the file, and `verify` more of it.
    if (error instanceof NoPayload || name === fileName) return { role: 'main' };
    throw error;
  }
}
