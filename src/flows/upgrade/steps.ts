import type { Step } from '../../engine/step.ts';
import type { Product } from '../../payload/product-schema.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { healthStep } from '../../steps/health.ts';
import { upgradeChartSwap } from '../../steps/upgrade_chart_swap.ts';
import { upgradeDetect } from '../../steps/upgrade_detect.ts';
import { upgradeHelm } from '../../steps/upgrade_helm.ts';
import { upgradeLoadImages } from '../../steps/upgrade_load_images.ts';
import { upgradeMigrate } from '../../steps/upgrade_migrate.ts';
import { upgradePgBackup } from '../../steps/upgrade_pg_backup.ts';
import { upgradePreflight } from '../../steps/upgrade_preflight.ts';
import { upgradeSnapshot } from '../../steps/upgrade_snapshot.ts';

/**
 * The upgrade's steps in order; only loading images may run in parallel with those that save the old release.
 */
export function upgradeSteps(product: Pick<Product, 'health'>): Step<UpgradeContext>[] {
  const steps: Step<UpgradeContext>[] = [
    upgradePreflight,
    upgradeDetect,
    upgradePgBackup,
    upgradeSnapshot,
    upgradeChartSwap,
    upgradeLoadImages,
    upgradeMigrate,
    upgradeHelm,
  ];
  for (const route of product.health) {
    steps.push(healthStep(route, 'upgrade', [steps.at(-1)?.id ?? '']));
  }
  return steps;
}
