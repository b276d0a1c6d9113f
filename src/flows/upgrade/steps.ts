import { lastResult } from '../../backup/step-results.ts';
import { switchId } from '../../backup/upgrade-results.ts';
import type { JsonObject, Step } from '../../engine/step.ts';
import type { Product } from '../../payload/product-schema.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { isFolderMoved } from '../../release/restore-swap.ts';
import { healthStep } from '../../steps/health.ts';
import { upgradeChartSwap } from '../../steps/upgrade_chart_swap.ts';
import { upgradeDetect } from '../../steps/upgrade_detect.ts';
import { upgradeHalt } from '../../steps/upgrade_halt.ts';
import { upgradeHelm } from '../../steps/upgrade_helm.ts';
import { upgradeLoadImages } from '../../steps/upgrade_load_images.ts';
import { upgradeMigrate } from '../../steps/upgrade_migrate.ts';
import { upgradePgBackup } from '../../steps/upgrade_pg_backup.ts';
import { upgradePgLoad } from '../../steps/upgrade_pg_load.ts';
import { upgradePgSwitch } from '../../steps/upgrade_pg_switch.ts';
import { upgradePreflight } from '../../steps/upgrade_preflight.ts';
import { upgradeSnapshot } from '../../steps/upgrade_snapshot.ts';
import { upgradeStart } from '../../steps/upgrade_start.ts';

/**
 * The upgrade's steps in order; only loading images may run in parallel with those that save the old release.
 * Where the data go to another major version of PostgreSQL they are a chain.
 */
export function upgradeSteps(
  { health }: Pick<Product, 'health'>,
  { majorChange }: Pick<UpgradeContext, 'majorChange'> = { majorChange: undefined },
): Step<UpgradeContext>[] {
  const steps: Step<UpgradeContext>[] =
    majorChange !== undefined
      ? stepsOfMajorChange()
      : [
          upgradePreflight,
          upgradeDetect,
          upgradePgBackup,
          upgradeSnapshot,
          upgradeChartSwap,
          upgradeLoadImages,
          upgradeMigrate,
          upgradeHelm,
        ];
  for (const route of health) {
    steps.push(healthStep(route, 'upgrade', [steps.at(-1)?.id ?? '']));
  }
  return steps;
}

/** Nothing is stopped before the images are there, or changed before the new server has the data. */
const stepsOfMajorChange = (): Step<UpgradeContext>[] =>
  [
    upgradePreflight,
    upgradeDetect,
    upgradeLoadImages,
    untilSwitched(upgradeHalt),
    untilSwitched(upgradePgBackup),
    upgradeSnapshot,
    untilSwitched(upgradePgLoad),
    upgradeChartSwap,
    upgradeMigrate,
    upgradePgSwitch,
    upgradeHelm,
    upgradeStart,
  ].map((step: Step<UpgradeContext>, at, all) => ({
    ...step,
    needs: all.slice(Math.max(0, at - 1), at).map(({ id }) => id),
  }));

/** Once the old folder is moved, its server cannot be asked any more: what was done with it stays done. */
function untilSwitched<Out extends JsonObject>(step: Step<UpgradeContext, Out>): Step<UpgradeContext> {
  const done = async ({ run }: UpgradeContext): Promise<Out | undefined> =>
    (await isFolderMoved(run(), switchId)) ? lastResult(run(), step) : undefined;
  return {
    ...step,
    run: async (ctx, io, plan) => (await done(ctx)) ?? step.run(ctx, io, plan),
    async verify(ctx, out) {
      if ((await done(ctx)) === undefined) await step.verify?.(ctx, out as Out);
    },
    async reuse(ctx, out) {
      if ((await done(ctx)) === undefined) await step.reuse?.(ctx, out as Out);
    },
  } as Step<UpgradeContext>;
}
