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
 * `majorChange` and `folderBack` are what comes with another major version of PostgreSQL.
 */
export async function graphSteps(): Promise<
  Record<
    'install' | 'upgrade' | 'majorChange' | 'rehearse' | 'restore' | 'folderBack' | 'uninstall',
    GraphStep[]
  >
> {
  const product = await ownProduct().catch(() => ({ health: [] }));
  const shown = (steps: readonly GraphStep[]) => steps.map(({ id, title }) => ({ id, title }));
  const upgrade = shown(upgradeSteps(product));
  const restore = shown(restoreSteps(product));
  const without = (steps: readonly GraphStep[], known: readonly GraphStep[]) =>
    shown(steps).filter(({ id }) => known.every((one) => one.id !== id));
  const folder = { path: '', live: '', major: 0 };
  const back = { undo: false, dataOnly: false, chartOnly: false, folder };
  return {
    install: shown(installSteps(product)),
    upgrade,
    majorChange: without(upgradeSteps(product, { majorChange: { from: 0, to: 0, folder: '' } }), upgrade),
    rehearse: shown(rehearseSteps()),
    restore,
    folderBack: without(restoreSteps(product, back), restore),
    uninstall: shown(uninstallSteps()),
  };
}
