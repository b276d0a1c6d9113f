import { ownProduct } from '../queries/own-product.ts';
import { installSteps } from './install/steps.ts';
import { rehearseSteps } from './rehearse/steps.ts';
import { restoreSteps } from './restore/steps.ts';
import { uninstallSteps } from './uninstall/steps.ts';
import { upgradeSteps } from './upgrade/steps.ts';

export interface GraphStep {
  id: string;
  title: string;
}

/**
 * The steps of the graphs in order, without a host. Without a readable payload there are no health steps.
 */
export async function graphSteps(): Promise<
  Record<'install' | 'upgrade' | 'rehearse' | 'restore' | 'uninstall', GraphStep[]>
> {
  const product = await ownProduct().catch(() => ({ health: [] }));
  const shown = (steps: readonly GraphStep[]) => steps.map(({ id, title }) => ({ id, title }));
  return {
    install: shown(installSteps(product)),
    upgrade: shown(upgradeSteps(product)),
    rehearse: shown(rehearseSteps()),
    restore: shown(restoreSteps(product)),
    uninstall: shown(uninstallSteps()),
  };
}
