import type { State } from '../../engine/state.ts';
import { IvaapError } from '../../errors.ts';
import { readHelmJournal } from '../../host/helm-process.ts';
import { readReleaseRecords } from '../../host/helm-record.ts';
import {
  decideUpgrade as judgeUpgrade,
  otherUnfinishedRun,
  requireUpgrade,
  type UpgradeDecision,
  type UpgradeFacts,
} from '../../policy/upgrade-policy.ts';
import { differenceText } from '../../policy/schema-fingerprint.ts';
import { judgeSchema } from '../../policy/schema-verdict.ts';
import { wayBackOf } from '../../backup/way-back.ts';
import type { MajorChange } from '../../backup/upgrade-results.ts';
import { findMajorChange, recordedMajorChange } from '../../release/major-change.ts';
import { askSchemaOnce } from '../../release/schema-now.ts';
import { disagreement } from '../../queries/release-agreement.ts';
import { assertCluster } from '../../session/host-tools.ts';
import { stateIsThere } from '../../session/own-state.ts';
import { resumeCommand } from '../../session/resume-command.ts';
import type { Session } from '../../session/session.ts';
import type { Decision } from '../flow.ts';
import { runToMind } from '../../release/uninstall-record.ts';
import { refuseUninstalling } from '../unfinished-uninstall.ts';
import { Refusals } from '../refusals.ts';
import { refuseUnfinishedRestore } from '../unfinished-restore.ts';
import { refuseUnfinishedRollback } from '../unfinished-rollback.ts';
import { refuseWithoutState } from '../without-state.ts';
import type { UpgradeOptions } from './options.ts';
import type { Trust } from '../../queries/trust.ts';
import { trustUpgrade } from './trust.ts';

/** From where an upgrade starts, and how. */
export interface UpgradeStart extends Decision {
  from: string;
  to: string;
  /** It resumes the unfinished run. */
  resumed: boolean;
  trust: Trust | undefined;
  /** As it was recorded before. */
  state: Readonly<State>;
  /** The data go to another major version of PostgreSQL. */
  majorChange: MajorChange | undefined;
}

/**
 * The gate of an upgrade. Throws a blocker, or keeps it in `refusal` where a dry run can still plan. Changes
 * nothing.
 */
export async function decideUpgrade(session: Session, options: UpgradeOptions): Promise<UpgradeStart> {
  if (session.lock === undefined || !stateIsThere(session.paths))
    return refuseWithoutState(session, 'upgrade');
  const { kubectl } = await session.tools();
  await assertCluster(kubectl, session.product);
  const journal = await session.readJournal();
  journal.leaveIdleRollback();
  const { state } = journal;
  refuseUnfinishedRollback(state, session.program);
  refuseUninstalling(state);
  refuseUnfinishedRestore(state);
  const trust = trustUpgrade(session, state, options.trustKey);
  const refusals = new Refusals();
  const allowed = await refusals.collect(() => judgeVersions(session, options, state));
  const [refusal] = refusals.found;
  const from = allowed?.from ?? state.installed?.version;
  if (from === undefined) throw refusal;
  const resumed = allowed?.how === 'continue';
  const begun = resumed ? recordedMajorChange(state.run) : undefined;
  const majorChange = begun ?? (await findMajorChange(kubectl, session, session.signal));
  return {
    from,
    to: session.release.version,
    fresh: allowed?.how === 'fresh',
    resumed,
    notes: [
      ...(allowed?.notes ?? []),
      ...(majorChange === undefined ? [] : [majorNote(session.product, majorChange)]),
    ],
    majorChange,
    ...(majorChange && { recorded: { majorChange } }),
    trust,
    state,
    refusal,
  };
}

/** Whether this payload may upgrade this host, and over which run: exit 5 or 10 where it may not. */
async function judgeVersions(
  session: Session,
  options: UpgradeOptions,
  state: Readonly<State>,
): Promise<UpgradeDecision & { kind: 'allowed' }> {
  const { payload, product, release, program, again, signal } = session;
  const { installed } = state;
  const run = runToMind(state);
  const lastRun =
    run === undefined ? undefined : { ...run, resume: resumeCommand(run), helmStarted: helmStarted(run) };
  const target = { version: release.version, payloadDigest: payload.digest };
  // Queried only for another payload's run: a resumed run must not wait for a database that is down.
  const asked = otherUnfinishedRun({ lastRun, target })?.helmStarted !== undefined;
  const schemaNow = asked
    ? await askSchemaOnce({ product, database: (await session.tools()).database }, signal)
    : undefined;
  const verdict = schemaNow && judgeSchema(wayBackOf(state).schemaWas, schemaNow);
  const facts: UpgradeFacts = {
    command: program,
    again,
    installed,
    lastRun,
    target,
    schemaNow: schemaNow?.version,
    schemaDiffers: verdict?.kind === 'changed' ? differenceText(verdict.difference) : undefined,
    anchored: Object.keys(state.anchors),
    releaseGone: readHelmJournal(state.helm).emptied === true,
    flags: options,
    limits: product.versions,
  };
  if (judgeUpgrade(facts).kind === 'nothing-to-do') await assertReleaseAgrees(session, state);
  return requireUpgrade(facts);
}

/** When the state says that there is nothing to do, Helm's records must agree. */
async function assertReleaseAgrees(session: Session, state: Readonly<State>): Promise<void> {
  const { signal, program, product, again } = session;
  const { namespace, release } = product;
  const { kubectl } = await session.tools();
  const records = await readReleaseRecords(kubectl, { namespace, release, signal });
  const message = disagreement(state, { known: true, value: records }, release);
  if (message !== undefined) throw new IvaapError('preflight', message, { hint: `${program} repair-state` });
  const last = records.at(-1);
  if (last === undefined || last.status === 'deployed') return;
  throw new IvaapError(
    'preflight',
    `the state says that ${state.installed?.version} is installed, ` +
      `but Helm's revision ${last.revision} is ${last.status}`,
    { hint: again({ add: ['--reapply'] }) },
  );
}

type HelmStarted = NonNullable<UpgradeFacts['lastRun']>['helmStarted'];

function helmStarted({ pointOfNoReturn: point, to }: NonNullable<State['run']>): HelmStarted {
  if (point === undefined) return undefined;
  const { schemaVersion } = point.data;
  return {
    versions: point.versions ?? [to],
    schemaBefore: typeof schemaVersion === 'number' ? schemaVersion : undefined,
  };
}

const majorNote = ({ title }: Session['product'], { from, to, folder }: MajorChange) =>
  `the data go from PostgreSQL ${from} to ${to} by dump and restore: ${title} is down meanwhile, ` +
  `and the data folder ${folder} is kept beside the new one`;
