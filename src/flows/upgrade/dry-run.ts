import type { FlowResult } from '../run-flow.ts';
import { Refusals } from '../refusals.ts';
import { planned } from '../run-plan.ts';
import { upgradeContext, type UpgradeSession } from './context.ts';
import { decideUpgrade } from './decision.ts';
import { preflightUpgrade } from './preflight.ts';
import { upgradeSteps } from './steps.ts';

/**
 * `install --upgrade --dry-run`: what the run would do and all that stands against it, as it decides it itself. Changes nothing.
 * Throws where too little can be known to plan anything.
 */
export async function dryRunUpgrade(upgrade: UpgradeSession): Promise<FlowResult> {
  const { ports, opened, journal, redactor } = upgrade;
  const refusals = new Refusals();
  const decision = await refusals.collect(() => decideUpgrade(upgrade));
  const from = decision?.from ?? journal.state.installed?.version;
  const ctx = from === undefined ? undefined : await refusals.collect(() => upgradeContext(upgrade, from));
  if (ctx === undefined) throw refusals.found[0];
  const resumed = decision?.how === 'continue';
  await refusals.collect(() => preflightUpgrade(ctx, upgrade, { resumed }));
  return planned({
    flow: 'upgrade',
    ctx,
    journal,
    opened,
    ports,
    redactor,
    // A version that is refused is never brought to this host: there is nothing to plan.
    steps: decision === undefined ? [] : upgradeSteps(opened.product),
    fresh: decision?.how === 'fresh',
    notes: decision?.notes ?? [],
    refusals: refusals.found,
  });
}
