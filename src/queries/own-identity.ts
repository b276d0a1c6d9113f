import { NoPayload } from '../payload/locate.ts';
import { openPayload } from '../payload/open-payload.ts';
import type { PayloadIdentity } from '../payload/identity.ts';

/**
 * Product and version of this executable, from its index alone; undefined without a payload. Throws
 * IvaapError `payload` for a damaged trailer or index, or an invalid signature.
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
