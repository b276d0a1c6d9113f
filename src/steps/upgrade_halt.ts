import type { UpgradeContext } from '../release/context.ts';
import { haltStep } from '../release/halt-step.ts';
import { isFolderMoved } from '../release/restore-swap.ts';
import { haltId, switchId } from '../backup/upgrade-results.ts';

/** Before the data go to another major version: no row may come after their dump. */
export const upgradeHalt = haltStep<UpgradeContext>({
  id: haltId,
  by: 'upgrade',
  isOver: ({ run }) => isFolderMoved(run(), switchId),
});
