import { haltStep } from '../release/halt-step.ts';
import type { RestoreContext } from '../release/context.ts';
import { isSwapped } from '../release/restore-swap.ts';

/** Stops all that may write into the database, so that no row comes after the dump of what is there. */
export const restoreHalt = haltStep<RestoreContext>({ id: 'restore_halt', by: 'restore', isOver: isSwapped });
