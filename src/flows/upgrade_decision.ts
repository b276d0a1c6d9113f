import type { State } from '../engine/state.ts';
import {
  otherUnfinishedRun,
  requireUpgrade,
  type UpgradeDecision,
  type UpgradeFacts,
} from '../policy/upgrade-policy.ts';
import type { UpgradeSession } from './upgrade_context.ts';

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
  return requireUpgrade({
    command: ports.program,
    installed,
    lastRun,
    target,
    schemaNow,
    flags: options,
    limits: product.versions,
  });
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
