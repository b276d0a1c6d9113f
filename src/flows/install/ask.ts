import { withoutIdleRollback } from '../../engine/rollback-record.ts';
import type { State } from '../../engine/state.ts';
import type { Session } from '../../session/session.ts';
import { readOwnState } from '../../session/own-state.ts';
import { assertCluster } from '../../session/host-tools.ts';
import { foundAnswers, missingAnswers } from './answers.ts';
import { askAll } from './ask-all.ts';
import type { InstallOptions } from './decision.ts';
import { refuseInstalled } from './gate.ts';
import { givenAnswers } from './given-answers.ts';
import { connectorsQuestion, fqdnQuestion, licenseQuestion, reviewQuestion } from './questions.ts';
import { storageQuestion } from './storage-question.ts';

/**
 * Asks a person at a terminal for what the flags, the files and an earlier attempt leave open; what is
 * answered is in the options from then on, as if it had been typed. `--yes` and `--resume` ask nothing.
 */
export async function askMissing(session: Session, options: InstallOptions): Promise<InstallOptions> {
  if (session.prompter === undefined || options.yes || options.resume) return options;
  const state = withoutIdleRollback(await readOwnState(session, session.program));
  // Nobody is asked for the answers of an install that cannot start.
  if (state !== undefined) refuseInstalled(session, state, options);
  return askOpenAnswers(session, options, { state, review: true });
}

/** The same on any host; without a review the answers are used for nothing that changes it. */
export async function askOpenAnswers(
  session: Session,
  options: InstallOptions,
  { state, review }: { state: State | undefined; review: boolean },
): Promise<InstallOptions> {
  const { prompter, product, paths, redactor } = session;
  if (prompter === undefined || options.yes || options.resume) return options;
  const { given, nameOf } = await givenAnswers(options);
  const sources = { product, valuesPath: paths.values, given, nameOf, state, redactor };
  const found = await foundAnswers(sources);
  const missing = missingAnswers(sources, found);
  const isNew = state?.run === undefined;
  const asksStorage = isNew && found.storagePath === undefined && found.storageClass === undefined;
  const asksConnectors = isNew && found.connectors === undefined && product.license !== undefined;
  if (missing.length === 0 && !asksStorage && !asksConnectors) return options;
  const { kubectl } = await session.tools();
  await assertCluster(kubectl, product);
  const about = { session, license: found.license };
  const questions = [
    ...(missing.includes('license') ? [licenseQuestion(about)] : []),
    ...(missing.includes('fqdn') ? [await fqdnQuestion(about)] : []),
    ...(asksStorage ? [await storageQuestion(about)] : []),
    ...(asksConnectors ? [connectorsQuestion(about)] : []),
    ...(review ? [reviewQuestion(about, found, options)] : []),
  ];
  const answered = await askAll(await prompter(), questions, given);
  return { ...options, ...answered, reviewed: review };
}
