import { withoutIdleRollback } from '../../engine/rollback-record.ts';
import type { State } from '../../engine/state.ts';
import type { License } from '../../release/license-file.ts';
import { assertOwnData } from '../../release/our-data.ts';
import { keptDataHere } from '../../release/ended-uninstalls.ts';
import { type KeptData, unusedText } from '../../release/kept-data.ts';
import { hideGenerated } from '../../release/secrets-of-host.ts';
import { requireStorageClass } from '../../release/storage-class.ts';
import { assertCluster } from '../../session/host-tools.ts';
import { readOwnState } from '../../session/own-state.ts';
import type { Session } from '../../session/session.ts';
import type { Decision, FlowOptions } from '../flow.ts';
import {
  assertGranted,
  assertTakesClass,
  completeAnswers,
  foundAnswers,
  type InstallAnswers,
  requireLicense,
} from './answers.ts';
import { refuseUnfinishedRollback } from '../unfinished-rollback.ts';
import { refuseUninstalling } from '../unfinished-uninstall.ts';
import { usableKeptData } from './kept-data.ts';
import { otherInstall, refuseInstalled, refuseLeftovers, refuseNothingToResume } from './gate.ts';
import { givenAnswers, type InstallFlags } from './given-answers.ts';
import { refuseUnusableData } from './own-data.ts';
import { answersToRecord, otherAnswers, recordedAnswers } from './recorded-answers.ts';

export interface InstallOptions extends FlowOptions, InstallFlags {
  yes: boolean;
  /** `ID=REASON`, each. */
  waive: readonly string[];
  /** Closes the unfinished install of another package. */
  supersede: boolean;
  /** Only resumes an unfinished install, and asks nothing. */
  resume: boolean;
  /** A person has answered the questions, and their summary with yes. */
  reviewed?: boolean;
}

/** That an install may start, and with which answers. */
export interface InstallDecision extends Decision {
  /** Of an install that is resumed. */
  state: State | undefined;
  answers: InstallAnswers;
  license: License | undefined;
  keptData: KeptData | undefined;
  /** The unfinished install of another package, which is closed. */
  other: State['run'];
  /** Flags that say something else than what the resumed install was answered. */
  changed: readonly string[];
}

/** Whether a new install would ask for its confirmation, and nobody can give it. */
export const isUnconfirmed = (
  { confirm }: Pick<Session, 'confirm'>,
  { yes, resume, preflightOnly, dryRun }: InstallOptions,
): boolean => !(yes || resume || preflightOnly || dryRun) && confirm === undefined;

/** Decides whether an install may start, and with which answers. Throws a blocker; changes nothing. */
export async function decideInstall(session: Session, options: InstallOptions): Promise<InstallDecision> {
  const { product, paths, program, redactor } = session;
  const state = withoutIdleRollback(await readOwnState(session, program));
  if (state !== undefined) {
    refuseUninstalling(state);
    refuseUnfinishedRollback(state, program);
  }
  if (options.resume) await refuseNothingToResume(session, state);
  if (state !== undefined) refuseInstalled(session, state, options);
  const earlier = recordedAnswers(state?.run);
  const { given, nameOf } = await givenAnswers(options);
  const sources = { product, valuesPath: paths.values, given, nameOf, state, redactor };
  const answers = completeAnswers(sources, await foundAnswers(sources), {
    again: session.again,
    unconfirmed: state?.run === undefined && isUnconfirmed(session, options),
  });
  assertTakesClass(product, answers);
  const tools = await session.tools();
  await assertCluster(tools.kubectl, product);
  if (answers.storageClass !== undefined) await requireStorageClass(tools.kubectl, answers.storageClass);
  const license = await requireLicense(tools.kubectl, product, answers.license, redactor, {
    answered: earlier.license,
    keptSecrets: state?.keptSecrets?.path,
  });
  assertGranted(product, answers, license);
  const { storageClass, valuesFrom } = answers;
  const storagePath = storageClass === undefined ? answers.storagePath : undefined;
  const keptData =
    storagePath === undefined ? undefined : await usableKeptData(session, storagePath, redactor);
  if (state?.run !== undefined) {
    if (storagePath !== undefined && keptData === undefined)
      await assertOwnData(tools.kubectl, product, storagePath, state.run, 'preflight');
    if (keptData === undefined) await refuseUnusableData(session, state.run);
  } else {
    await refuseLeftovers(session, tools, {
      storagePath,
      valuesFrom: valuesFrom?.path,
      isKept: keptData !== undefined,
    });
  }
  await hideGenerated(tools.kubectl, product, redactor);
  const unused = (await keptDataHere(product)).filter(({ folder }) => folder !== storagePath);
  const other = state === undefined ? undefined : otherInstall(session, state);
  return {
    state,
    answers,
    license,
    keptData,
    other,
    changed: otherAnswers(given, earlier),
    recorded: answersToRecord(given, answers, earlier),
    fresh: other !== undefined,
    notes: unused.map(unusedText),
  };
}
