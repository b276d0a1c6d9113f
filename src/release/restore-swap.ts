import { swapped } from '../backup/swap-databases.ts';
import { stepRecord } from '../backup/step-results.ts';
import { IvaapError } from '../errors.ts';
import type { RestoreContext } from './context.ts';
import { folderState, recordedNames } from './data-folders.ts';
import { copySchema, folderId, loadId, movedSchema, swapId } from './restore-record.ts';

type Asked = Pick<RestoreContext, 'target' | 'run'>;

/** Name of the database that becomes the live one. */
export function incomingOf({ target, run }: Asked): string {
  const loaded = copySchema.safeParse(stepRecord(run(), loadId)).data;
  const name = target.moved ?? loaded?.restoreCopy.name;
  if (name === undefined) throw new IvaapError('bug', 'there is no database to bring in');
  return name;
}

/** Both names, once they are recorded. */
function swapNames(ctx: Asked): { incoming: string; outgoing: string } | undefined {
  const recorded = movedSchema.safeParse(stepRecord(ctx.run(), swapId)).data;
  return recorded && { incoming: incomingOf(ctx), outgoing: recorded.movedDatabase };
}

/**
 * Whether the restored database is the live one, or its folder is about to be: what comes before the swap is
 * not needed again.
 */
export async function isSwapped(ctx: Asked & Pick<RestoreContext, 'database' | 'product'>): Promise<boolean> {
  const { steps } = ctx.run() ?? {};
  if (ctx.target.folder !== null) return isFolderMoved(ctx.run(), folderId);
  if (steps?.[swapId]?.status === 'completed') return true;
  const names = swapNames(ctx);
  return names !== undefined && (await swapped(ctx, names)) === 'after';
}

/** Whether the step that switches the data folders has moved the live one, or has completed. */
export async function isFolderMoved(run: ReturnType<Asked['run']>, step: string): Promise<boolean> {
  if (run?.steps[step]?.status === 'completed') return true;
  const names = recordedNames(run, step);
  return names !== undefined && (await folderState(names)) !== 'before';
}
