import type { Journal } from '../engine/journal.ts';
import { dropRehearsals } from '../backup/rehearsal-role.ts';
import type { ScratchContext } from '../backup/scratch-database.ts';
import type { Kubectl } from '../host/kubectl.ts';
import { deleteRehearsal } from './rehearsal-objects.ts';

/**
 * Removes all that rehearsals have made: the pod before its database, that one before its role. What has not
 * our mark stays. May be called again after a crash at any instruction. Returns what it removed.
 */
export async function removeRehearsal(
  ctx: Pick<ScratchContext, 'database' | 'product'> & { kubectl: Pick<Kubectl, 'list' | 'delete'> },
  signal?: AbortSignal,
): Promise<string[]> {
  const objects = await deleteRehearsal(ctx.kubectl, ctx.product, signal);
  return [...objects, ...(await dropRehearsals(ctx, signal))];
}

/** The same, and the state names nothing of a rehearsal from here on. */
export async function clearRehearsal(
  ctx: Parameters<typeof removeRehearsal>[0],
  journal: Pick<Journal, 'update'>,
  signal?: AbortSignal,
): Promise<string[]> {
  const removed = await removeRehearsal(ctx, signal);
  await journal.update((draft) => void delete draft.rehearsing);
  return removed;
}
