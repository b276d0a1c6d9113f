import { checks, checksOf } from '../checks/all.ts';
import type { Product } from '../payload/product-schema.ts';
import { parseWaivers, waivableIds, type Waiver } from '../policy/preflight-report.ts';
import { type HealthFlow, healthStepId } from '../release/health-route.ts';

/**
 * Waivers as typed: of preflight checks and health steps. Throws `usage` for what cannot be waived.
 */
export function waiversOf(
  texts: readonly string[],
  flow: HealthFlow,
  { preflight, health }: Pick<Product, 'preflight' | 'health'>,
): Waiver[] {
  const steps = health.map(({ id }) => healthStepId(flow, id));
  return parseWaivers(texts, {
    known: checks.map(({ id }) => id),
    // A restore has no preflight: it must also work where nothing else does.
    checks: flow === 'restore' ? [] : waivableIds(checksOf[flow], preflight.waivable),
    steps,
  });
}
