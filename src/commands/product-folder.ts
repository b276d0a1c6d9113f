import { dirname } from 'node:path';
import { assertSafePath } from '../host/safe-path.ts';
import { isRoot } from '../host/system.ts';

/**
 * Below the product's folder root writes only where nobody else could have put a link: throws IvaapError `preflight`
 * otherwise. Elsewhere the operator's own choice of DEST is enough.
 */
export async function assertSafeTarget(path: string, productFolder: string): Promise<void> {
  if (isRoot() && path.startsWith(`${productFolder}/`)) await assertSafePath(dirname(path));
}
