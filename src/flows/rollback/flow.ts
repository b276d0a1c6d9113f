import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { RollbackContext } from '../../release/context.ts';
import type { Flow } from '../flow.ts';
import { rollbackHalt } from '../../steps/rollback_halt.ts';
import { removalBegun } from '../../steps/rollback_pg_backup.ts';
import { startAgain } from '../start-again.ts';
import { rollbackBlockers } from './blockers.ts';
import { rollbackContext } from './context.ts';
import { decideRollback, type RollbackDecision } from './decision.ts';
import type { RollbackOptions } from './options.ts';
import { rollbackSteps } from './steps.ts';
import { rollbackSummary } from './summary.ts';

/** `install --rollback-to STEP`: undoes STEP and all recorded steps after it, newest first. */
export const rollbackFlow: Flow<RollbackOptions, RollbackDecision, RollbackContext> = {
  name: 'rollback',
  command: 'install --rollback-to',
  suspends: 'undoes',
  showsPlan: true,

  assertOptions() {},

  // A host without anything of ours is only read.
  locksFirst: ({ installer }) => existsSync(installer),

  decide: decideRollback,
  context: rollbackContext,
  blockers: rollbackBlockers,

  // What loses data was agreed to on the command line; a script has typed what it wants.
  question({ again, confirm }, { yes }, { undone, install }) {
    if (yes || confirm === undefined) return undefined;
    return {
      text: `Undo ${undone.join(', ')} of the install of ${install.to}?`,
      hint: again({ add: ['--dry-run'] }),
    };
  },

  async decideAgain(session, options, { decision }) {
    const now = await decideRollback(session, options);
    return isDeepStrictEqual(now.state, decision.state) ? decision : now;
  },

  steps: rollbackSteps,

  async onStarted(session, { ctx }, { run }) {
    if (!ctx.skipBackup) return;
    const journal = await session.journal();
    if (journal.state.skippedBackups.some((skipped) => skipped.run === run)) return;
    await journal.update((draft, at) => {
      draft.skippedBackups.push({ by: ctx.operator, at, run, from: null, to: ctx.to });
    });
  },

  summarize: rollbackSummary,

  async onFailed(session, { ctx }) {
    const run = ctx.run();
    const mayBeHalted = ![undefined, 'skipped'].includes(run?.steps[rollbackHalt.id]?.status);
    if (mayBeHalted && !removalBegun(run))
      await startAgain(session, { kubectl: ctx.kubectl, by: 'rollback', so: 'nothing was removed' });
  },
};
