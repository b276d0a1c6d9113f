import type { RunResult } from '../engine/run.ts';
import type { StepContext } from '../release/context.ts';

/** Health steps that were waived, by title. */
export function waivedHealth(
  { product }: Pick<StepContext, 'product'>,
  { outputs }: Pick<RunResult, 'outputs'>,
): { title: string; reason: string }[] {
  return Object.values(outputs).flatMap((out) =>
    product.health.flatMap(({ id, title }) => {
      const { waived } = (out[`health_${id}`] ?? {}) as { waived?: string };
      return waived === undefined ? [] : [{ title, reason: waived }];
    }),
  );
}

export const healthLines = (ctx: Pick<StepContext, 'product'>, result: RunResult): string[] =>
  waivedHealth(ctx, result).map(({ title, reason }) => `  health   ${title}: waived (${reason}), not proved`);
