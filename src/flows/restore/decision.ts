import { withoutIdleRollback } from '../../engine/rollback-record.ts';
import { isUnfinished } from '../../engine/run-record.ts';
import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { folderId, recordedTarget, type RestoreTarget, swapId } from '../../release/restore-record.ts';
import { hideGenerated } from '../../release/secrets-of-host.ts';
import { assertCluster } from '../../session/host-tools.ts';
import { readOwnState, stateIsThere } from '../../session/own-state.ts';
import { resumeCommand } from '../../session/resume-command.ts';
import type { Session } from '../../session/session.ts';
import type { Decision } from '../flow.ts';
import { refuseUnfinishedRestore, unfinishedRestore } from '../unfinished-restore.ts';
import { refuseUninstalling } from '../unfinished-uninstall.ts';
import { refuseUnfinishedRollback } from '../unfinished-rollback.ts';
import { refuseWithoutState } from '../without-state.ts';
import { assertNameTyped } from '../typed-name.ts';
import { atStake, type Stake } from './stake.ts';
import type { RestoreOptions } from './options.ts';
import { chooseTarget } from './target.ts';

/** That a restore may start, and what it brings back. */
export interface RestoreDecision extends Decision {
  state: Readonly<State>;
  target: RestoreTarget;
  /** Undefined where the run goes on: what was at stake was shown and agreed to. */
  stake: Stake | undefined;
}

/** Decides whether a restore may start. Throws a blocker; changes nothing. */
export async function decideRestore(session: Session, options: RestoreOptions): Promise<RestoreDecision> {
  if (!stateIsThere(session.paths)) return refuseWithoutState(session, 'restore');
  const { product, redactor } = session;
  const state = await readOwnState(session, session.program);
  if (state === undefined) return refuseWithoutState(session, 'restore');
  refuseUnfinishedRollback(state, session.program);
  refuseUninstalling(state);
  const { installed } = state;
  if (installed === undefined) throw notInstalled(session, state);
  assertNameTyped(session, 'restore', options);
  const { kubectl } = await session.tools();
  await assertCluster(kubectl, product);
  await hideGenerated(kubectl, product, redactor);
  const typed = typedOf(options);
  const { run } = state;
  const begun = run?.flow === 'restore' && isUnfinished(run) ? recordedTarget(run) : undefined;
  // A file may be another one by now, unless it was needed already.
  const isKept = begun?.file !== true || unfinishedRestore(state) !== undefined;
  if (begun !== undefined && isKept && run?.answers?.typed === typed) {
    const closes = run.answers.closes === true;
    const recorded = { target: asJson(begun), typed, closes };
    return { fresh: false, notes: [], recorded, state, target: begun, stake: undefined };
  }
  const closes = unfinishedRestore(state) !== undefined;
  const keepsRelease = (dataOnly: boolean) => closes && dataOnly && !mayLeaveRelease(state, options);
  if ((closes && !mayFollow(state, options)) || keepsRelease(options.dataOnly))
    refuseUnfinishedRestore(state);
  const { target, notes } = await chooseTarget(session, options, {
    state: withoutIdleRollback(state),
    installed,
  });
  if (keepsRelease(target.dataOnly)) refuseUnfinishedRestore(state);
  const { lines, notes: left } = await atStake(session, target, state);
  const stake = { lines, notes: [...notes, ...left] };
  return {
    fresh: closes,
    notes: stake.notes,
    asksWithNotes: options.confirm === undefined,
    recorded: { target: asJson(target), typed, closes },
    state,
    target,
    stake,
  };
}

/** What distinguishes one restore from another one, as it was typed. */
function typedOf({ undo, backup, file, dataOnly, chartOnly }: RestoreOptions): string {
  const words = [undo && '--undo', dataOnly && '--data-only', chartOnly && '--chart-only', backup ?? file];
  return words.filter((word) => typeof word === 'string').join(' ');
}

/**
 * Whether an unfinished one has come so far that another one may follow: it is finished first otherwise. One
 * of the chart alone can only be taken back.
 */
const mayFollow = ({ run, restored }: State, { undo }: RestoreOptions): boolean =>
  [swapId, folderId].some((id) => run?.steps[id]?.status === 'completed') ||
  (undo && recordedTarget(run)?.chartOnly === true && restored?.run === run?.id && restored?.kept != null);

/**
 * Whether the data alone may come back over an unfinished restore: not while chart and release are on their
 * way to another one, of which nobody would know then. One that has not come to them can be taken back.
 */
const mayLeaveRelease = ({ run }: State, { undo, backup }: RestoreOptions): boolean =>
  recordedTarget(run)?.dataOnly === true || (undo && backup === undefined);

const asJson = (target: RestoreTarget) => JSON.parse(JSON.stringify(target));

function notInstalled({ program }: Session, { run }: State): IvaapError {
  const hint = run === undefined ? `${program} status` : resumeCommand(run);
  return new IvaapError(
    'version',
    'no release is completely installed on this host: nothing can be restored',
    {
      hint,
    },
  );
}
