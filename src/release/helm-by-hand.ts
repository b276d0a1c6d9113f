import { valuesFiles } from './values-file.ts';
import type { HelmOptions } from '../host/helm-argv.ts';
import type { Helm } from '../host/helm.ts';
import { usualHistoryMax } from '../policy/helm-states.ts';
import { asRoot, quotedWord } from '../shell-word.ts';
import type { StepContext } from './context.ts';

/**
 * The options of every Helm call of ours that applies values: chart, values and overlay on disk, the
 * product's wait and timeout.
 */
export function helmOptions(
  { product, paths }: Pick<StepContext, 'product' | 'paths'>,
  own: Required<Pick<HelmOptions, 'historyMax' | 'forceConflicts'>> & Pick<HelmOptions, 'keepsFailed'>,
): HelmOptions {
  const { wait, timeoutSeconds } = product.helm;
  return { chart: paths.chart, valuesFiles: valuesFiles({ paths }), wait, timeoutSeconds, ...own };
}

/**
 * The command line that applies the values file by Helm alone, just as the upgrade does; ready to be pasted
 * into a shell.
 */
export function helmByHand(
  ctx: Pick<StepContext, 'product' | 'paths'> & { helm: Pick<Helm, 'upgradeArgv'> },
  forceConflicts: boolean,
): string {
  const argv = ctx.helm.upgradeArgv(helmOptions(ctx, { historyMax: usualHistoryMax, forceConflicts }));
  // sudo passes on none of the environment variables that change Helm's behaviour.
  return asRoot(argv.map(quotedWord).join(' '));
}
