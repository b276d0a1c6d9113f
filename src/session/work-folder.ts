import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ProductPaths } from '../release/product-paths.ts';

/** Work files are a run's own: what a dead run left goes before the next begins. */
export async function clearWork({ work }: Pick<ProductPaths, 'work'>): Promise<void> {
  await rm(work, { recursive: true, force: true });
}

/** A dry run leaves the work files of a run that died where they are. */
export const dryRunWorkFolder = (paths: ProductPaths): ProductPaths => ({
  ...paths,
  work: join(paths.work, 'dry-run'),
});

/** Not even an empty folder stays. */
export async function clearDryRunWork({ work }: Pick<ProductPaths, 'work'>): Promise<void> {
  await clearWork({ work });
  await rmdir(dirname(work)).catch(() => undefined);
}
