import { checks, checksOf } from '../checks/all.ts';
import type { Product } from '../payload/product-schema.ts';
import { parseWaivers, waivableIds, type Waiver } from '../policy/preflight-report.ts';
import { healthStepId } from '../release/health-route.ts';

/**
 * Waivers as typed: of preflight checks and health steps. Throws `usage` for what cannot be waived.
 */
export function waiversOf(
  texts: readonly string[],
  flow: 'install' | 'upgrade',
  { preflight, health }: Pick<Product, 'preflight' | 'health'>,
): Waiver[] {
  const steps = health.map(({ id }) => healthStepId(flow, id));
  return parseWaivers(texts, {
    known: checks.map(({ id }) => id),
    checks: waivableIds(checksOf[flow], preflight.waivable),
    steps,
  });
}
