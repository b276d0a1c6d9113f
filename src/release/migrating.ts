import { foreign } from '../foreign.ts';
import { type PlainJson, valueAt } from '../policy/values-patches.ts';
import type { StepContext } from './context.ts';
import { type Trouble, mayBeAtWork } from './troubles.ts';
import { readValuesFile } from './values-file.ts';

const address = /^[0-9A-Fa-f.:]+$/;

/**
 * The operator's flag and its value. The product's values for on and off are ours; anything else comes from
 * the values file.
 */
export function flagText(
  { path, on, off }: NonNullable<StepContext['product']['values']['autoMigrate']>,
  value: PlainJson | undefined,
): string {
  const text = JSON.stringify(value ?? null);
  return `${path.join('.')} is ${[on, off, 'undefined'].includes(String(value)) ? text : foreign(text)}`;
}

/**
 * Whether a pod that runs and is not ready may be migrating the database's schema: ending that in the middle
 * because it takes longer than its chart expects would do harm. It may be migrating where the schema is not
 * at its target and the pod has an active session; so does a pod of which that is not known.
 */
export async function mayMigrate(ctx: StepContext, trouble: Trouble, signal?: AbortSignal): Promise<boolean> {
  const { product, database, release } = ctx;
  const { autoMigrate } = product.values;
  if (autoMigrate === undefined || !mayBeAtWork(trouble)) return false;
  const migrates = product.workloads.find(({ id }) => id === autoMigrate.workload);
  if (migrates === undefined || trouble.workload !== `${migrates.kind}/${migrates.name}`) return false;
  try {
    const { root } = await readValuesFile(ctx.paths.values, ctx.program);
    if (String(valueAt(root, autoMigrate.path)) !== autoMigrate.on) return false;
    const schema = await database.schemaVersion(product.database.schemaVersionQuery, signal);
    if (schema >= release.schema.target) return false;
    const addresses = trouble.addresses.filter((one) => address.test(one));
    if (addresses.length === 0) return trouble.pods.length > 0;
    const [row] = await database.query(
      "SELECT count(*) FROM pg_stat_activity WHERE state <> 'idle' AND " +
        `host(client_addr) IN (${addresses.map((one) => `'${one}'`).join(', ')})`,
      signal,
    );
    return row?.[0] !== '0';
  } catch {
    return true;
  }
}
