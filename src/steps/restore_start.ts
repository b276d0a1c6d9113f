import type { RestoreContext } from '../release/context.ts';
import { startStep } from '../release/halt-step.ts';

/** Starts again what Helm has not: workloads that are halted still. */
export const restoreStart = startStep<RestoreContext>('restore_start');
