import { swapped } from '../backup/swap-databases.ts';
import { IvaapError } from '../errors.ts';
import type { RestoreContext } from './context.ts';
import { copySchema, loadId, movedSchema, stepRecord, swapId } from './restore-record.ts';

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

/** Whether the restored database is the live one: what comes before the swap is not needed again. */
export async function isSwapped(ctx: Asked & Pick<RestoreContext, 'database' | 'product'>): Promise<boolean> {
  if (ctx.run()?.steps[swapId]?.status === 'completed') return true;
  const names = swapNames(ctx);
  return names !== undefined && (await swapped(ctx, names)) === 'after';
}
