import { valueAt } from '../policy/values-patches.ts';
import type { StepContext } from './context.ts';
import { type Trouble } from './troubles.ts';
import { readValuesFile } from './values_file.ts';

/**
 * Whether a pod that only runs and is not ready may be at work on the database's schema: to end that in the middle because it takes longer
 * than its chart expects would do harm. What cannot be asked counts as at work.
 */
export async function mayMigrate(ctx: StepContext, trouble: Trouble): Promise<boolean> {
  const { product, database, release } = ctx;
  const { autoMigrate } = product.values;
  if (autoMigrate === undefined || (trouble.kind !== 'unready' && trouble.kind !== 'deadline')) return false;
  const migrates = product.workloads.find(({ id }) => id === autoMigrate.workload);
  if (migrates === undefined || trouble.workload !== `${migrates.kind}/${migrates.name}`) return false;
  try {
    const { root } = await readValuesFile(ctx.paths.values, ctx.program);
    if (String(valueAt(root, autoMigrate.path)) !== autoMigrate.on) return false;
    return (await database.schemaVersion(product.database.schemaVersionQuery)) < release.schema.target;
  } catch {
    return true;
  }
}
