import type { Journal } from '../../engine/journal.ts';
import type { HeldLock } from '../../engine/lock.ts';
import type { Helm } from '../../host/helm.ts';
import type { PreflightReport } from '../../policy/preflight.ts';
import type { InstallContext } from '../../release/context.ts';
import type { License } from '../../release/license-file.ts';
import type { InstallAnswers } from './answers.ts';
import type { InstallPreflight } from './preflight.ts';
import { stepContext } from '../run-flow.ts';
import { waiversOf } from '../waivers.ts';

/** What the steps of a fresh install are given beside what its preflight was. */
export interface InstallParts {
  helm: Helm;
  lock: HeldLock;
  journal: Journal;
  answers: InstallAnswers;
  license: License | undefined;
  report: PreflightReport | undefined;
}

/** The context of a fresh install's steps, of a dry run as well. */
export function installContext(measured: InstallPreflight, parts: InstallParts): InstallContext {
  const { opened, host, ports, redactor, entitlements } = measured;
  const { helm, lock, journal, answers, license, report } = parts;
  return {
    ...stepContext(opened, host, {
      helm,
      lock,
      journal,
      redactor,
      ports,
      from: null,
      entitlements,
      imagesFrom: 'payload',
      refreshArchives: false,
      waivers: waiversOf(measured.waive, 'install', opened.product),
    }),
    ...answers,
    license,
    preflight: report,
  };
}
