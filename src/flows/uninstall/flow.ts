import { isDeepStrictEqual } from 'node:util';
import { causeChain } from '../../errors.ts';
import type { UninstallContext } from '../../release/uninstall-context.ts';
import { stateIsThere } from '../../session/own-state.ts';
import type { Session } from '../../session/session.ts';
import type { Flow } from '../flow.ts';
import { startAgain } from '../start-again.ts';
import { sessionParts } from '../step-context.ts';
import { uninstallHalt } from '../../steps/uninstall_halt.ts';
import { uninstallPgBackup } from '../../steps/uninstall_pg_backup.ts';
import { decideUninstall, type UninstallDecision } from './decision.ts';
import { keptLogs } from './dump-to.ts';
import { finishUninstall, restOfUninstall } from './finish.ts';
import type { UninstallOptions } from './options.ts';
import { makeDumpTo } from './writable.ts';
import { agreedBefore, isRemoving } from '../../release/uninstall-record.ts';
import { shownLines } from './shown.ts';
import { takeBackLogs } from './reopened.ts';
import { uninstallSteps } from './steps.ts';
import { uninstallSummary } from './summary.ts';

/** `uninstall`: removes what this installer made for this product, and keeps a last dump outside of it. */
export const uninstallFlow: Flow<UninstallOptions, UninstallDecision, UninstallContext> = {
  name: 'uninstall',
  command: 'uninstall',
  tellsPlan: true,
  // It reads the product's data and Helm, no image: a damaged archive keeps nobody from removing it.
  scansPayload: false,
  removes: true,
  assertOptions: () => {},

  // A host without state is only read.
  locksFirst: stateIsThere,

  rest: restOfUninstall,
  decide: decideUninstall,
  context: uninstallContext,

  stake: (session, { skipBackup }, decision) => shownLines(session, { ...decision, notes: [] }, skipBackup),

  question(session, { confirm, skipBackup }, decision) {
    if (confirm !== undefined) return undefined;
    const { product, again } = session;
    return {
      text: [
        ...shownLines(session, { ...decision, notes: [...decision.told, ...decision.notes] }, skipBackup),
        '',
        `This destroys the deployment of ${product.title}. To go on, type its name, ${product.name}`,
      ].join('\n'),
      word: product.name,
      hint: again(),
    };
  },

  async decideAgain(session, options, { decision }) {
    const now = await decideUninstall(session, options);
    // The folder's name has the time in it, until it is recorded.
    const same = { ...now, choices: { ...now.choices, dumpTo: decision.choices.dumpTo } };
    return isDeepStrictEqual(basis(same), basis(decision)) ? decision : now;
  },

  async beforeRun(session, { decision, ctx }) {
    const { reporter } = session;
    if (!stateIsThere(session.paths)) await takeBackLogs(session, ctx.choices.dumpTo);
    if (!isRemoving(decision.state)) await makeDumpTo(ctx.choices.dumpTo);
    // The notes follow as warnings. Who was asked has read all of it.
    for (const line of shownLines(session, { ...decision, notes: [] }, ctx.skipBackup)) {
      const event = { type: 'message', level: 'info', line } as const;
      if (decision.asksWithNotes === true) reporter.record(event);
      else reporter.report(event);
    }
    if (decision.cluster === undefined || ctx.run()?.steps['uninstall_release']?.status === 'completed')
      return;
    await session.placeHelm().catch((error: unknown) => {
      const why = causeChain(error)[0] ?? '';
      reporter.warn(`Helm cannot be placed (${why}): the release's objects are removed one by one`);
    });
  },

  steps: uninstallSteps,

  async onStarted(session, { ctx }, { run, kept }) {
    const isDumped = kept.includes(uninstallPgBackup.id);
    const journal = await session.journal();
    if (!ctx.skipBackup || isDumped) return;
    await journal.update((draft, at) => {
      draft.skippedBackups.push({ by: ctx.operator, at, run, from: ctx.from, to: ctx.to });
    });
  },

  summarize: uninstallSummary,
  logsTo: ({ choices }) => keptLogs(choices.dumpTo),

  async onFailed(session, { ctx }) {
    const run = ctx.run();
    const mayBeHalted = ![undefined, 'skipped'].includes(run?.steps[uninstallHalt.id]?.status);
    if (ctx.cluster === undefined || !mayBeHalted || isRemoving({ run })) return;
    await startAgain(session, { kubectl: ctx.cluster.kubectl, by: 'uninstall', so: 'nothing was removed' });
  },

  onCompleted: async (session, { ctx }) =>
    finishUninstall(session.paths, (await session.journal()).state, ctx.choices.dumpTo),
};

/** The facts of a decision that others can change. */
const basis = ({ state, choices, found: { contents, files, storagePath, release } }: UninstallDecision) => ({
  state,
  choices,
  contents,
  files,
  storagePath,
  release,
});

async function uninstallContext(
  session: Session,
  options: UninstallOptions,
  { state, choices, cluster, found }: UninstallDecision,
): Promise<UninstallContext> {
  const { installed, run } = state;
  const journal = await session.readJournal();
  if (!stateIsThere(session.paths)) journal.goOnWith(state);
  return {
    ...sessionParts(session, journal),
    from: installed?.version ?? (run?.flow === 'uninstall' ? run.from : null),
    to: installed?.version ?? run?.to ?? session.release.version,
    // Whatever package began it: there is nothing in it that depends on that.
    runDigest: run?.flow === 'uninstall' ? run.payloadDigest : undefined,
    choices,
    skipBackup: options.skipBackup,
    agreedAt: options.skipBackup ? new Date().toISOString() : agreedBefore(state),
    cluster,
    found,
    keptSecrets: state.keptSecrets?.path,
    installedBy: installed?.binary,
  };
}
