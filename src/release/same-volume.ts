import { IvaapError } from '../errors.ts';
import { classVolume, retainCommand } from './database-volume.ts';
import type { UninstallContext } from './uninstall-context.ts';

/**
 * Whoever typed the name saw what happens to the volume: throws `failed` where its claim would now take it
 * along, or where that is not known. Call it before a claim may go: Helm removes the claim where the chart
 * has it.
 */
export async function assertSameVolume(
  { cluster, product, found }: UninstallContext,
  signal: AbortSignal,
): Promise<void> {
  if (cluster === undefined) return;
  const now = await classVolume(cluster.kubectl, product, signal);
  if (!now.known) throw new IvaapError('failed', now.why, now.hint === undefined ? {} : { hint: now.hint });
  if (now.value === null || now.value.policy === 'Retain') return;
  const { name, policy } = now.value;
  const shown = found.classVolume.known ? found.classVolume.value : null;
  if (shown?.name === name && shown.policy === policy) return;
  throw new IvaapError('failed', `the volume ${name} would now go with its claim, which was not shown`, {
    hint: retainCommand(name),
  });
}
