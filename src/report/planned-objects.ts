import * as z from 'zod';
import type { EngineEvent } from '../engine/events.ts';
import type { RunReport } from './report-schema.ts';

type Objects = NonNullable<RunReport['objects']>['changes'];

/** What a step's plan tells of the chart, as far as a report shows it. */
const planned = z.object({
  chart: z.object({
    diff: z.object({
      added: z.array(z.string()),
      changed: z.array(z.object({ object: z.string() })),
      removed: z.array(z.object({ object: z.string(), kept: z.boolean() })),
    }),
  }),
});

/** The objects that the plan changes; undefined where no plan is known, or it could not be told. */
export function plannedObjects(
  event: Extract<EngineEvent, { type: 'run.plan' }> | undefined,
): Objects | undefined {
  for (const { data } of event?.plan.steps ?? []) {
    const { data: found } = planned.safeParse(data);
    if (found === undefined) continue;
    const { added, changed, removed } = found.chart.diff;
    return [
      ...added.map((object) => ({ object, change: 'added' as const })),
      ...changed.map(({ object }) => ({ object, change: 'changed' as const })),
      ...removed.map(({ object, kept }) => ({
        object,
        change: kept ? ('kept' as const) : ('removed' as const),
      })),
    ];
  }
  return undefined;
}
