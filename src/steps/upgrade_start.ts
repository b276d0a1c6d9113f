import type { UpgradeContext } from '../release/context.ts';
import { startStep } from '../release/halt-step.ts';

/** Starts again what Helm has not, after a change of PostgreSQL's major version. */
export const upgradeStart = startStep<UpgradeContext>('upgrade_start');
