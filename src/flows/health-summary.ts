import type { RunResult } from '../engine/run.ts';
import { urlHost } from '../host/http-probe.ts';
import type { HealthRoute } from '../payload/product-schema.ts';
import type { StepContext } from '../release/context.ts';
import { healthKey, healthResult, healthStepId, type RouteResult } from '../release/health-route.ts';

type Product = Pick<StepContext, 'product'>;
type Outputs = Pick<RunResult, 'outputs'>;

/** What the health steps of a run, of whichever flow, have found; a route that none has asked is left out. */
function routeResults(
  { product }: Product,
  { outputs }: Outputs,
): { route: HealthRoute; found: RouteResult }[] {
  return product.health.flatMap((route) =>
    (['install', 'upgrade', 'restore'] as const).flatMap((flow) => {
      const found = healthResult.safeParse(outputs[healthStepId(flow, route.id)]).data?.[healthKey(route)];
      return found === undefined ? [] : [{ route, found }];
    }),
  );
}

/** Health steps that were waived, by title. */
export const waivedHealth = (ctx: Product, result: Outputs): { title: string; reason: string }[] =>
  routeResults(ctx, result).flatMap(({ route: { title }, found: { waived } }) =>
    waived === undefined ? [] : [{ title, reason: waived }],
  );

/** What was not verified. */
export const healthLines = (ctx: Product, result: Outputs): string[] => [
  ...waivedHealth(ctx, result).map(
    ({ title, reason }) => `  health   ${title}: waived (${reason}), not verified`,
  ),
  ...routeResults(ctx, result).flatMap(({ route: { title }, found: { url, certificate } }) =>
    certificate === 'not verified'
      ? [`  health   ${title}: the certificate of ${new URL(url).origin}/ was not verified`]
      : [],
  ),
];

/**
 * Where browsers reach the product, by the way that a health route was answered; the name alone where none
 * was asked by that way.
 */
export function servedAddress(ctx: Product, result: Outputs, fqdn: string): string {
  const name = urlHost(fqdn).toLowerCase();
  const served = routeResults(ctx, result)
    .filter(({ route: { via = {} } }) => !('service' in via))
    .flatMap(({ found: { url } }) => (URL.canParse(url) ? [new URL(url)] : []))
    .find(({ hostname }) => hostname === name);
  return served === undefined ? fqdn : `${served.origin}/`;
}
