import type { Step } from '../../engine/step.ts';
import type { Product } from '../../payload/product-schema.ts';
import type { RestoreContext } from '../../release/context.ts';
import { healthStep } from '../../steps/health.ts';
import { restoreChart } from '../../steps/restore_chart.ts';
import { restoreFolder } from '../../steps/restore_folder.ts';
import { restoreHalt } from '../../steps/restore_halt.ts';
import { restoreHelm } from '../../steps/restore_helm.ts';
import { restoreImages } from '../../steps/restore_images.ts';
import { restoreLoad } from '../../steps/restore_load.ts';
import { restorePgBackup } from '../../steps/restore_pg_backup.ts';
import { restoreStart } from '../../steps/restore_start.ts';
import { restoreSwap } from '../../steps/restore_swap.ts';

/** The steps of a restore, a chain: all that comes back is there and proved before anything is stopped. */
export function restoreSteps(
  { health }: Pick<Product, 'health'>,
  {
    undo,
    dataOnly,
    chartOnly,
    folder,
  }: Pick<RestoreContext['target'], 'undo' | 'dataOnly' | 'chartOnly' | 'folder'> = {
    undo: false,
    dataOnly: false,
    chartOnly: false,
    folder: null,
  },
): Step<RestoreContext>[] {
  const steps: Step<RestoreContext>[] = [
    ...(undo || chartOnly || folder !== null ? [] : [restoreLoad]),
    ...(dataOnly ? [] : [restoreImages]),
    ...(chartOnly ? [] : [restoreHalt, restorePgBackup, folder === null ? restoreSwap : restoreFolder]),
    ...(dataOnly ? [] : [restoreChart, restoreHelm]),
    ...(chartOnly ? [] : [restoreStart]),
    ...health.map((route) => healthStep(route, 'restore', [])),
  ];
  return steps.map((step, at) => ({
    ...step,
    needs: steps.slice(Math.max(0, at - 1), at).map(({ id }) => id),
  }));
}
