import type { RunResult } from '../engine/run.ts';
import type { StepContext } from '../release/context.ts';
import { healthKey, healthResult, healthStepId } from '../release/health-route.ts';

/** Health steps that were waived, by title. */
export function waivedHealth(
  { product }: Pick<StepContext, 'product'>,
  { outputs }: Pick<RunResult, 'outputs'>,
): { title: string; reason: string }[] {
  return product.health.flatMap((route) => {
    const steps = (['install', 'upgrade', 'restore'] as const).map((flow) => healthStepId(flow, route.id));
    return steps.flatMap((step) => {
      const reason = healthResult.safeParse(outputs[step]).data?.[healthKey(route)]?.waived;
      return reason === undefined ? [] : [{ title: route.title, reason }];
    });
  });
}

export const healthLines = (ctx: Pick<StepContext, 'product'>, result: RunResult): string[] =>
  waivedHealth(ctx, result).map(
    ({ title, reason }) => `  health   ${title}: waived (${reason}), not verified`,
  );
