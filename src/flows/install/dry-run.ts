import type { HeldLock } from '../../engine/lock.ts';
import type { PreflightReport } from '../../policy/preflight.ts';
import type { License } from '../../release/license-file.ts';
import type { InstallAnswers } from './answers.ts';
import { installContext } from './context.ts';
import { installSteps } from './steps.ts';
import { type InstallPreflight, preflightInstall } from './preflight.ts';
import { Refusals } from '../refusals.ts';
import type { FlowResult } from '../run-flow.ts';
import { planned } from '../run-plan.ts';
import { openJournal } from '../../session/own-state.ts';
import { unplacedHelm } from '../../session/helm-placement.ts';

export interface InstallDryRun {
  preflight: InstallPreflight;
  answers: InstallAnswers;
  license: License | undefined;
}

/** A plan starts nothing that would have to inherit the lock. */
const noLock: HeldLock = { descriptor: -1, working() {}, release() {} };

/** `install --dry-run`: what a fresh install would do, and what preflight has against it. Changes nothing. */
export async function dryRunInstall(options: InstallDryRun): Promise<FlowResult> {
  const { answers, license } = options;
  const { opened, host, ports, redactor } = options.preflight;
  const { product } = opened;
  const refusals = new Refusals();
  let report: PreflightReport | undefined;
  await refusals.collect(() =>
    preflightInstall({ ...options.preflight, onReport: (found) => void (report = found) }),
  );
  const journal = await openJournal(opened, ports.program);
  const helm = await unplacedHelm(opened, host);
  const ctx = installContext(options.preflight, { helm, lock: noLock, journal, answers, license, report });
  return planned({
    flow: 'install',
    ctx,
    journal,
    opened,
    ports,
    redactor,
    steps: installSteps(product),
    fresh: false,
    refusals: refusals.found,
  });
}
