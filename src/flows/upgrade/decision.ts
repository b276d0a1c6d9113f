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
import { disagreement } from '../../queries/release-agreement.ts';
import type { UpgradeSession } from './context.ts';

/** Whether this payload may upgrade this host, and over which run: exit 5 or 10 where it may not. Changes nothing. */
export async function decideUpgrade(upgrade: UpgradeSession): Promise<UpgradeDecision & { kind: 'allowed' }> {
  const { options, ports, opened, host, journal } = upgrade;
  const { payload, product, release } = opened;
  const { installed, run } = journal.state;
  const lastRun = run === undefined ? undefined : { ...run, helmStarted: helmStarted(run) };
  const target = { version: release.version, payloadDigest: payload.digest };
  // Asked for another payload's run alone: a run that goes on must not wait for a database that is down.
  const asked = otherUnfinishedRun({ lastRun, target })?.helmStarted !== undefined;
  const schemaNow = asked
    ? await host.database
        .schemaVersion(product.database.schemaVersionQuery, ports.signal)
        .catch(() => undefined)
    : undefined;
  const facts: UpgradeFacts = {
    command: ports.program,
    again: ports.again,
    installed,
    lastRun,
    target,
    schemaNow,
    anchored: Object.keys(journal.state.anchors),
    releaseGone: readHelmJournal(journal.state.helm).emptied === true,
    flags: options,
    limits: product.versions,
  };
  if (judgeUpgrade(facts).kind === 'nothing-to-do') await assertReleaseAgrees(upgrade);
  return requireUpgrade(facts);
}

/** That there is nothing to do is said by the state; Helm must say the same. */
async function assertReleaseAgrees({ opened, host, ports, journal }: UpgradeSession): Promise<void> {
  const { namespace, release } = opened.product;
  const { signal, program } = ports;
  const records = await readReleaseRecords(host.kubectl, { namespace, release, signal });
  const message = disagreement(journal.state, { known: true, value: records }, release);
  if (message !== undefined) throw new IvaapError('preflight', message, { hint: `${program} repair-state` });
  const last = records.at(-1);
  if (last === undefined || last.status === 'deployed') return;
  throw new IvaapError(
    'preflight',
    `the state says that ${journal.state.installed?.version} is installed, and Helm's revision ${last.revision} is ${last.status}`,
    { hint: ports.again({ add: ['--reapply'] }) },
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
