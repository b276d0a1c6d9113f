import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ProductPaths } from '../release/product-paths.ts';

/** Work files are a run's own: what a dead run left goes before the next begins. */
export async function clearWork(paths: ProductPaths): Promise<void> {
  await rm(paths.work, { recursive: true, force: true });
}

/** A dry run leaves the work files of a run that died where they are. */
export function workApart(paths: ProductPaths): void {
  paths.work = join(paths.work, 'dry-run');
}

/** Not even an empty folder stays. */
export async function clearApart(paths: ProductPaths): Promise<void> {
  await clearWork(paths);
  await rmdir(dirname(paths.work)).catch(() => undefined);
}
