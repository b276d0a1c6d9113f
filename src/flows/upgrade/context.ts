import type { Journal } from '../../engine/journal.ts';
import type { State } from '../../engine/state.ts';
import type { HeldLock } from '../../engine/lock.ts';
import type { Redactor } from '../../engine/redact.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { standingRepair } from '../../release/agreeing-versions.ts';
import { fqdnOf } from '../../release/health-route.ts';
import { renderedOnce } from '../../release/rendered-chart.ts';
import { answersOnce } from '../../release/server-answers.ts';
import { readValuesFile } from '../../release/values-file.ts';
import { stepContext } from '../run-flow.ts';
import { hideGenerated, hideValues, installedLicense } from '../../release/secrets-of-host.ts';
import { placeHelm } from '../../session/helm-placement.ts';
import type { HostTools } from '../../session/host-tools.ts';
import type { OpenedPayload } from '../../session/opened-payload.ts';
import type { FlowPorts } from '../../session/ports.ts';
import type { UpgradeOptions } from './options.ts';
import { waiversOf } from '../waivers.ts';

/** What an upgrade is begun with: every part is found, nothing is changed yet. */
export interface UpgradeSession {
  options: UpgradeOptions;
  ports: FlowPorts;
  opened: OpenedPayload;
  host: HostTools;
  journal: Journal;
  lock: HeldLock;
  redactor: Redactor;
}

/** What was recorded before a repair of the state is not proved: no upgrade goes on from there without a dump of its own. */
function dumpIsDue(state: Readonly<State>, { emit }: Pick<FlowPorts, 'emit'>): boolean {
  const repair = standingRepair(state);
  if (repair === undefined) return false;
  const line = `--skip-backup is not followed: the state was repaired ${repair.at}, and a fresh dump is due until an upgrade completes`;
  emit({ type: 'message', at: new Date().toISOString(), level: 'warning', line });
  return true;
}

/** Reads what the steps are given; secrets are known to the redactor from here on. Places Helm, and changes nothing else. */
export async function upgradeContext(upgrade: UpgradeSession, from: string): Promise<UpgradeContext> {
  const { options, ports, opened, host, journal, lock, redactor } = upgrade;
  const { product, paths } = opened;
  const values = await readValuesFile(paths.values, ports.program);
  fqdnOf(product, values);
  hideValues(product, values, redactor);
  await hideGenerated(host.kubectl, product, redactor);
  const license = await installedLicense(host.kubectl, product, redactor);
  const shared = stepContext(opened, host, {
    helm: await placeHelm(opened, host),
    lock,
    journal,
    redactor,
    ports,
    from,
    entitlements: license?.entitlements ?? [],
    imagesFrom: options.imagesFrom,
    refreshArchives: options.refreshArchives,
    waivers: waiversOf(options.waive, 'upgrade', product),
  });
  const { forceConflicts } = options;
  const skipBackup = options.skipBackup && !dumpIsDue(journal.state, ports);
  const ctx: UpgradeContext = {
    ...shared,
    from,
    installedBy: installedBy(journal.state),
    values,
    skipBackup,
    forceConflicts,
    rendered: renderedOnce(() => ctx, ports.signal),
    answers: answersOnce(() => ctx),
  };
  return ctx;
}

/** A program that recorded less left it in the last run alone, for as long as no other one began. */
function installedBy({ installed, run }: State): string | undefined {
  if (installed?.binary !== undefined) return installed.binary;
  return run?.status === 'completed' && run.to === installed?.version ? run.binary : undefined;
}
