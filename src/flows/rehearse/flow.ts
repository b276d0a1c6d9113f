import { leaveRehearsal, unended } from '../../engine/rollback-record.ts';
import type { RunEnd } from '../../engine/journal.ts';
import { readResult, stepRecord } from '../../backup/step-results.ts';
import { causeChain, IvaapError } from '../../errors.ts';
import type { RehearsalContext } from '../../release/context.ts';
import { clearRehearsal, removeRehearsal } from '../../release/rehearsal-clean.ts';
import { newCopy } from '../../release/rehearsal-parts.ts';
import type { Rehearsed } from '../../release/rehearsal-record.ts';
import { stateIsThere } from '../../session/own-state.ts';
import type { Session } from '../../session/session.ts';
import { judgedSchema, rehearseMigrate } from '../../steps/rehearse_migrate.ts';
import { rehearsePgBackup } from '../../steps/rehearse_pg_backup.ts';
import type { Flow } from '../flow.ts';
import { upgradeChecks } from '../upgrade/checks.ts';
import { upgradeContext } from '../upgrade/context.ts';
import type { UpgradeStart } from '../upgrade/decision.ts';
import type { UpgradeOptions } from '../upgrade/options.ts';
import { decideRehearsal, rehearsalBlockers } from './decision.ts';
import { rehearseSteps } from './steps.ts';
import { rehearsalSummary } from './summary.ts';

/**
 * `install --upgrade --rehearse`: the migration of an upgrade on a copy of the database. The last run is only
 * suspended for it, and is the last one again however this one ends.
 */
export const rehearseFlow: Flow<UpgradeOptions, UpgradeStart, RehearsalContext> = {
  name: 'rehearse',
  command: 'install --upgrade --rehearse',
  tellsPlan: true,
  suspends: 'replaces',
  assertOptions: () => {},
  locksFirst: stateIsThere,
  decide: decideRehearsal,

  async context(session, options, decision) {
    const ctx = await upgradeContext(session, options, decision);
    const copy = newCopy(session.product, ctx.now());
    session.redactor.add(copy.password);
    return { ...ctx, copy, journal: await session.journal() };
  },

  checks: upgradeChecks,
  blockers: ({ signal }, _, { ctx }) => rehearsalBlockers(ctx, signal),

  async beforeRun({ reporter }, { ctx }) {
    for (const one of await removeRehearsal(ctx))
      reporter.warn(`left of an earlier rehearsal, removed: ${one}`);
  },

  steps: rehearseSteps,
  completes,
  summarize: rehearsalSummary,
  onFailed: (session, { ctx }) => cleanUp(session, ctx),
  explain: afterFailure,
};

/** What was found is recorded, and the run before is the last one again. */
function completes(ctx: RehearsalContext): RunEnd['completes'] {
  return (draft, at) => {
    const { steps = {}, id = '' } = draft.run ?? {};
    const found = readResult(rehearseMigrate, steps[rehearseMigrate.id]?.out)?.rehearsal;
    const dump = readResult(rehearsePgBackup, steps[rehearsePgBackup.id]?.out)?.rehearsalDump;
    draft.rehearsed = { ...whoOf(ctx), at, run: id, passed: true, ...found, dump: dump?.path ?? null };
    delete draft.unendedRehearsal;
    leaveRehearsal(draft);
  };
}

const whoOf = ({
  operator,
  from,
  to,
  payload,
}: RehearsalContext): Pick<Rehearsed, 'by' | 'from' | 'to' | 'payloadDigest'> => ({
  by: operator,
  from,
  to,
  payloadDigest: payload.digest,
});

async function cleanUp({ reporter }: Session, ctx: RehearsalContext): Promise<void> {
  if (ctx.journal.state.rehearsing === undefined) return;
  try {
    await clearRehearsal(ctx, ctx.journal);
  } catch (error) {
    const why = causeChain(error)[0] ?? '';
    reporter.warn(`the copy could not be removed (${why}): the next run of this program removes it`);
  }
}

/**
 * A migration that was judged is what was asked for. Of any other end it is said that nothing is known of the
 * migration; an earlier judgement stays. The run itself leaves nothing unfinished.
 */
async function afterFailure(session: Session, error: unknown): Promise<unknown> {
  const journal = await session.journal();
  const { run } = journal.state;
  if (run?.flow !== 'rehearse') return error;
  journal.leaveIdleRollback();
  const left = stepRecord(run, rehearseMigrate.id);
  const found = rehearseMigrate.out.safeParse(left).data?.rehearsal;
  const isJudged = found !== undefined || judgedSchema.safeParse(left).success;
  const { message: why } = session.redactor.error(error);
  const recorded = journal.update((draft, at) => {
    if (!isJudged) {
      draft.unendedRehearsal = unended(run, why, at);
      return;
    }
    const dump = readResult(rehearsePgBackup, run.steps[rehearsePgBackup.id]?.out)?.rehearsalDump;
    const { from, to, payloadDigest, startedBy: by } = run;
    draft.rehearsed = {
      by,
      at,
      run: run.id,
      from: from ?? '',
      to,
      payloadDigest,
      passed: false,
      why,
      ...found,
      dump: dump?.path ?? null,
    };
    delete draft.unendedRehearsal;
  });
  // Why it failed is the news; the next run forgets this one by itself.
  await recorded.catch(() => undefined);
  if (isJudged || !(error instanceof IvaapError) || error.code !== 'failed') return error;
  return error.with({ message: `the rehearsal could not be ended: ${error.message}` });
}
