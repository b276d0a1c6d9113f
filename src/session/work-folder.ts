import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { ProductPaths } from '../release/product-paths.ts';

/** Work files belong to one run: those of a dead run are removed before the next one starts. */
export async function clearWork({ work }: Pick<ProductPaths, 'work'>): Promise<void> {
  await rm(work, { recursive: true, force: true });
}

/** A dry run leaves the work files of a run that died where they are. */
export const dryRunWorkFolder = (paths: ProductPaths): ProductPaths => ({
  ...paths,
  work: join(paths.work, 'dry-run'),
});

/** Also removes the empty folder. */
export async function clearDryRunWork({ work }: Pick<ProductPaths, 'work'>): Promise<void> {
  await clearWork({ work });
  await rmdir(dirname(work)).catch(() => undefined);
}
