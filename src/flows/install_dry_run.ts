import { Journal } from '../engine/journal.ts';
import type { HeldLock } from '../engine/lock.ts';
import type { Redactor } from '../engine/redact.ts';
import type { PreflightReport } from '../policy/preflight.ts';
import type { InstallContext } from '../steps/context.ts';
import type { License } from '../steps/license_file.ts';
import type { InstallAnswers } from './install_answers.ts';
import { installSteps } from './install_graph.ts';
import { type InstallPreflight, preflightInstall } from './install_preflight.ts';
import { Refusals } from './refusals.ts';
import { type FlowResult, stepContext } from './run_flow.ts';
import { planData, planRun } from './run_plan.ts';
import { unplacedHelm } from './session.ts';

export interface InstallDryRun {
  preflight: InstallPreflight;
  redactor: Redactor;
  answers: InstallAnswers;
  license: License | undefined;
}

/** A plan starts nothing that would have to inherit the lock. */
const noLock: HeldLock = { descriptor: -1, working() {}, release() {} };

/** `install --dry-run`: what a fresh install would do, and what preflight has against it. Changes nothing. */
export async function dryRunInstall(options: InstallDryRun): Promise<FlowResult> {
  const { redactor, answers, license } = options;
  const { opened, host, ports, entitlements } = options.preflight;
  const { product, paths } = opened;
  const refusals = new Refusals();
  let report: PreflightReport | undefined;
  await refusals.collect(() =>
    preflightInstall({ ...options.preflight, onReport: (found) => void (report = found) }),
  );
  const journal = await Journal.open({ path: paths.state, product: product.name });
  const ctx: InstallContext = {
    ...stepContext(opened, host, {
      helm: await unplacedHelm(opened, host),
      lock: noLock,
      journal,
      redactor,
      ports,
      from: null,
      entitlements,
      imagesFrom: 'payload',
      refreshArchives: false,
    }),
    ...answers,
    license,
    preflight: report,
  };
  const steps = installSteps(product);
  const plan = await planRun({
    flow: 'install',
    ctx,
    journal,
    opened,
    ports,
    redactor,
    steps,
    fresh: false,
    refusals: refusals.found,
  });
  const [refusal] = refusals.found;
  return {
    plan,
    lines: [],
    data: planData(plan),
    ...(refusal === undefined ? {} : { refusal: redactor.error(refusal) }),
  };
}
