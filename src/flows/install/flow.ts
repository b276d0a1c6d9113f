import { existsSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { IvaapError } from '../../errors.ts';
import type { InstallContext } from '../../release/context.ts';
import type { Flow } from '../flow.ts';
import { recordPreflightStart } from '../../release/preflight-record.ts';
import { askMissing } from './ask.ts';
import { installContext } from './context.ts';
import { decideInstall, type InstallDecision, type InstallOptions } from './decision.ts';
import { installChecks } from './checks.ts';
import { assertAnswerable, installQuestion } from './question.ts';
import { forgetKeptSecrets } from './kept-secrets.ts';
import { forgetKeptData } from './kept-data.ts';
import { installSteps } from './steps.ts';
import { installSummary } from './summary.ts';

/** `install` on an empty host, or on one where an install was cut off. */
export const installFlow: Flow<InstallOptions, InstallDecision, InstallContext> = {
  name: 'install',
  command: 'install',

  assertOptions({ resume, supersede }, { again }) {
    if (!resume || !supersede) return;
    throw new IvaapError('usage', '--resume resumes an install, and --supersede closes it', {
      hint: again({ without: ['--supersede'] }),
    });
  },

  // Nothing is written on an empty host, not even a lock, before the install may start.
  locksFirst: ({ installer }) => existsSync(installer),

  complete: askMissing,

  async decide(session, options) {
    const decision = await decideInstall(session, options);
    assertAnswerable(session, options, decision);
    return decision;
  },
  context: installContext,
  checks: installChecks,

  question: installQuestion,

  async decideAgain(session, options, { decision }) {
    const now = await decideInstall(session, options);
    return isDeepStrictEqual(basis(now), basis(decision)) ? decision : now;
  },

  async beforeRun(session, { decision: { other } }) {
    await session.placeHelm();
    if (other === undefined) return;
    session.reporter.warn(
      `the unfinished install of ${other.to} is closed ` +
        '(--supersede); its values, secrets, volume and data are kept',
    );
  },

  steps: installSteps,

  async onStarted(session, { ctx }, { run }) {
    await recordPreflightStart(await session.journal(), ctx, run);
  },

  summarize: installSummary,

  async onCompleted(session, { ctx }) {
    if (ctx.keptData !== undefined) await forgetKeptData(ctx.storagePath);
    await forgetKeptSecrets(session);
  },
};

/** The facts of a decision that others can change. */
const basis = ({ state, answers, license, keptData }: InstallDecision) => ({
  state,
  answers,
  license,
  keptData,
});
