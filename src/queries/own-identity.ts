import { NoPayload } from '../payload/locate.ts';
import { openPayload } from '../payload/open-payload.ts';
import type { PayloadIdentity } from '../payload/identity.ts';

/**
 * Product and version of this executable, from its index alone; undefined where nothing was packed onto it. Throws IvaapError `payload` when
 * trailer, signature or index does not hold.
 */
export async function ownIdentity(): Promise<PayloadIdentity | undefined> {
  try {
    const payload = await openPayload();
    await payload.close();
    return payload.identity;
  } catch (error) {
    if (error instanceof NoPayload) return undefined;
    throw error;
  }
}
