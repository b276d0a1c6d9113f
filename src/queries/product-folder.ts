import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { roomAt } from '../host/mounts.ts';
import { DiskReserve } from '../host/reserve.ts';
import { assertSafePath } from '../host/safe-path.ts';
import { isRoot } from '../host/system.ts';
import type { Product } from '../payload/product-schema.ts';

/**
 * Writes to a path. On the product's own disk it stops and removes its files before it uses the reserve of
 * free space that database and cluster need.
 */
export async function writeBeside<T>(
  path: string,
  { folder, reserve }: Pick<Product, 'folder' | 'reserve'>,
  signal: AbortSignal,
  write: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const [here, there] = await Promise.all([roomAt(path), roomAt(folder)]);
  if (here.device !== there.device || !existsSync(folder)) return write(signal);
  return (await DiskReserve.at(path, reserve)).during(signal, write);
}

/**
 * Below the product's folder root writes only where no other user could have put a link: throws IvaapError
 * `preflight` otherwise. Elsewhere the operator's own choice of DEST is enough.
 */
export async function assertSafeTarget(path: string, productFolder: string): Promise<void> {
  if (isRoot() && path.startsWith(`${productFolder}/`))
    await assertSafePath(dirname(path), { isChosen: true });
}
