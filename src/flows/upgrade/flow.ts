import { switchId } from '../../backup/upgrade-results.ts';
import { known } from '../../known.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { upgradeNotes } from '../../release/release-notes.ts';
import { isFolderMoved } from '../../release/restore-swap.ts';
import { readValuesFile } from '../../release/values-file.ts';
import { stateIsThere } from '../../session/own-state.ts';
import type { Session } from '../../session/session.ts';
import { upgradeHalt } from '../../steps/upgrade_halt.ts';
import type { Flow } from '../flow.ts';
import { startAgain } from '../start-again.ts';
import { recordPreflightStart } from '../../release/preflight-record.ts';
import { forgetKeptSecrets } from '../install/kept-secrets.ts';
import { recordFoundStart, recordSkippedBackup, withWayBack } from './backup.ts';
import { upgradeContext } from './context.ts';
import { decideUpgrade, type UpgradeStart } from './decision.ts';
import { assertUpgradeOptions, reapplyQuestion, type UpgradeOptions } from './options.ts';
import { upgradeChecks } from './checks.ts';
import { upgradeSteps } from './steps.ts';
import { upgradeSummary } from './summary.ts';
import { recordTrust } from './trust.ts';

/** `install --upgrade`: from the installed release to the one in this payload. */
export const upgradeFlow: Flow<UpgradeOptions, UpgradeStart, UpgradeContext> = {
  name: 'upgrade',
  command: 'install --upgrade',
  tellsPlan: true,
  assertOptions: assertUpgradeOptions,

  // A host without state is only read: not even a lock is left there.
  locksFirst: stateIsThere,

  decide: decideUpgrade,
  context: upgradeContext,
  checks: upgradeChecks,
  question: reapplyQuestion,
  releaseNotes: upgradeNotes,
  rehearsed: ({ rehearsed }) => rehearsed,

  // Under the lock no other run can have changed anything; the operator's values file can have changed.
  async decideAgain(session, _, { decision, ctx }) {
    const { sha256 } = await readValuesFile(ctx.paths.values, session.program);
    return sha256 === ctx.values.sha256 ? decision : { ...decision };
  },

  steps: upgradeSteps,

  async onStarted(session, { decision, ctx }, { run, kept }) {
    const journal = await session.journal();
    await recordTrust(journal, decision.trust, { by: ctx.operator, run });
    await recordFoundStart(journal, ctx, session.reporter.warn);
    await recordSkippedBackup(journal, ctx, run, kept);
    await recordPreflightStart(journal, ctx, run);
  },

  summarize: upgradeSummary,
  onFailed: (session, { ctx }) => startAfterFailure(session, ctx),
  // The install that has completed may have died before it did this.
  onCompleted: forgetKeptSecrets,

  async explain(session, error) {
    return withWayBack(error, (await session.journal()).state, session.paths);
  },
};

/**
 * Whatever ends a change of PostgreSQL's major version before the folders are switched leaves the old release
 * as it was: it is started again.
 */
async function startAfterFailure(
  session: Session,
  { majorChange, run, kubectl }: UpgradeContext,
): Promise<void> {
  if (majorChange === undefined || run()?.steps[upgradeHalt.id] === undefined) return;
  const asked = await known(isFolderMoved(run(), switchId));
  if (!asked.known || asked.value) return;
  const so = `the data are PostgreSQL ${majorChange.from}'s still`;
  if (!(await startAgain(session, { kubectl, by: 'upgrade', so }))) return;
  const journal = await session.journal();
  await journal.update((draft) => {
    for (const id of [upgradeHalt.id, switchId]) delete draft.run?.steps[id];
  });
}
