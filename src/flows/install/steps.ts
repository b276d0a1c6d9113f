import type { Step } from '../../engine/step.ts';
import type { Product } from '../../payload/product-schema.ts';
import { chart } from '../../steps/chart.ts';
import type { InstallContext } from '../../release/context.ts';
import { healthStep } from '../../steps/health.ts';
import { helmDeploy } from '../../steps/helm_deploy.ts';
import { license } from '../../steps/license.ts';
import { loadImagesStep } from '../../steps/load_images.ts';
import { namespace } from '../../steps/namespace.ts';
import { postgres } from '../../steps/postgres.ts';
import { preflight } from '../../steps/preflight.ts';
import { secrets } from '../../steps/secrets.ts';
import { values } from '../../steps/values.ts';

/** The steps of a fresh install, a chain. */
export function installSteps(product: Pick<Product, 'health'>): Step<InstallContext>[] {
  const steps: Step<InstallContext>[] = [
    preflight,
    license,
    namespace,
    secrets,
    postgres,
    values,
    chart,
    loadImagesStep,
    helmDeploy,
  ];
  for (const route of product.health) {
    steps.push(healthStep(route, 'install', [steps.at(-1)?.id ?? '']));
  }
  return steps;
}
