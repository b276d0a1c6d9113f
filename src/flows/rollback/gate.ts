import { undoId } from '../../engine/rollback-record.ts';
import type { RunRecord, State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { wayBackOf } from '../../backup/way-back.ts';
import { freshFlags, upgradeFlags } from '../../policy/again.ts';
import { nearestNames } from '../../policy/nearest.ts';
import { sameVersion } from '../../version.ts';
import { lookWithoutState } from '../../queries/without-state.ts';
import { resumeCommand } from '../../session/resume-command.ts';
import type { Session } from '../../session/session.ts';
import { refuseOtherKey } from '../other-key.ts';
import { refuseUnfinishedRestore } from '../unfinished-restore.ts';
import { refuseUnfinishedRollback } from '../unfinished-rollback.ts';

/** Whether an install may be rolled back at all: each check throws before anything is changed. */

/** Flags of a rollback alone. */
const rollbackFlags = ['--rollback-to', '--accept-data-loss', '--skip-backup'] as const;

const version = (message: string, hint: string) => new IvaapError('version', message, { hint });

/** The state; refuses a host without one: exit 5, or 3 where its disk is not mounted. */
export async function requireState(session: Session, state: State | undefined): Promise<State> {
  if (state !== undefined) return state;
  const { program, paths, release } = session;
  const host = { known: true, value: await session.tools() } as const;
  const { found, refusal } = await lookWithoutState(session, host, session);
  if (found === 'nothing') {
    throw version(
      `there is no install to roll back on this host: there is no ${paths.state}`,
      `to install ${release.version}: ${program} install --help`,
    );
  }
  throw refusal;
}

/** The record of the install that is rolled back; refuses a host with an upgrade, and another package. */
export function requireInstall(session: Session, state: State): RunRecord {
  const { program, again, release } = session;
  refuseUnfinishedRestore(state);
  refuseUpgraded(session, state);
  const install = state.suspended ?? state.run;
  if (install?.flow === 'uninstall') {
    throw version(
      `an uninstall of ${install.to} has begun on this host, and is not finished: the steps of the install ` +
        'cannot be undone any more',
      resumeCommand(install),
    );
  }
  if (install?.flow !== 'install') {
    throw version('the state on this host records no steps of an install to undo', `${program} status`);
  }
  refuseOtherKey(session, install);
  if (!sameVersion(install.to, release.version)) {
    throw version(
      `the install on this host is of ${install.to}, and this package is ${release.version}: ` +
        'only the package that made it knows how to undo it',
      again({ program: install.binary }),
    );
  }
  return install;
}

/** An upgrade has changed what the install had made: nothing of it can be undone step by step. */
function refuseUpgraded(session: Session, state: State): void {
  const { run, history, suspended } = state;
  const isUpgrade = ({ flow }: { flow: string }) => flow === 'upgrade';
  if (suspended !== undefined || run === undefined) return;
  const last = isUpgrade(run) ? run : history.findLast(isUpgrade);
  if (last === undefined) return;
  const unfinished = isUpgrade(run) && run.status !== 'completed';
  throw version(
    `an upgrade to ${last.to} was started on this host ${last.startedAt}` +
      `${unfinished ? ' and is not finished' : ''}: the steps of the install cannot be undone any more`,
    waysOutOf(session, state, unfinished),
  );
}

function waysOutOf({ again, program, payload }: Session, state: State, unfinished: boolean): string {
  const { run } = state;
  const { restore, from } = wayBackOf(state);
  const back =
    restore === undefined
      ? []
      : [`to go back to ${from ?? 'the old release'} with its data: ${program} restore`];
  const finish =
    run === undefined || !unfinished
      ? []
      : [
          `to finish the upgrade: ${again({
            program: run.payloadDigest === payload.digest ? undefined : run.binary,
            add: ['--upgrade'],
            without: [...rollbackFlags, ...freshFlags, ...upgradeFlags],
          })}`,
        ];
  return [...finish, ...back, `to remove the product from this host: ${program} uninstall`].join('\n');
}

/** A rollback that was cut off is finished first, with its own STEP. */
export function refuseOtherRollback({ run, suspended }: State, step: string, program: string): void {
  if (run?.answers?.step !== step) refuseUnfinishedRollback({ run, suspended }, program);
}

/**
 * Whether a step has left anything: this install has recorded it, or Helm was started by one that this
 * install has superseded, and no rollback has undone that since.
 */
export function isToUndo(
  { steps, pointOfNoReturn, noReturnAt, rollbacks = [] }: RunRecord,
  id: string,
): boolean {
  if (steps[id] !== undefined) return true;
  if (pointOfNoReturn?.step !== id || noReturnAt !== undefined) return false;
  return !rollbacks.some(({ undone }) => undone.includes(undoId(id)));
}

/** Throws `usage` for what is no step of an install, whatever the state of the host. */
export function assertStep(
  { again, program }: Pick<Session, 'again' | 'program'>,
  { step, order, upgrade }: { step: string; order: readonly string[]; upgrade: readonly string[] },
): void {
  if (order.includes(step)) return;
  const [nearest] = nearestNames(step, order, 1);
  const what = upgrade.includes(step) ? 'is a step of an upgrade' : 'is no step';
  throw new IvaapError(
    'usage',
    `--rollback-to ${step}: ${step} ${what}; an install has ${order.join(', ')}`,
    {
      hint:
        nearest === undefined
          ? `${program} status`
          : again({ add: [`--rollback-to ${nearest}`], without: ['--upgrade', '--trust-key', '--waive'] }),
    },
  );
}

/**
 * The recorded steps from `step` on, newest first. Throws `nothing_to_do` where none of them was reached.
 */
export function stepsToUndo(
  { again }: Pick<Session, 'again'>,
  install: RunRecord,
  { step, order }: { step: string; order: readonly string[] },
): string[] {
  const at = order.indexOf(step);
  const recorded = order.filter((id) => isToUndo(install, id));
  const found = recorded.filter((id) => order.indexOf(id) >= at);
  if (found.length > 0) return found.reverse();
  const last = recorded.at(-1);
  throw new IvaapError(
    'nothing_to_do',
    `the install has not reached ${step}: ` +
      `${last === undefined ? 'none of its steps is recorded' : `its last recorded step is ${last}`}`,
    {
      hint:
        last === undefined
          ? again({ add: ['--resume'], without: ['--upgrade', ...rollbackFlags, ...upgradeFlags] })
          : again({ add: [`--rollback-to ${last}`], without: ['--upgrade', '--trust-key', '--waive'] }),
    },
  );
}
