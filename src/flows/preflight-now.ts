import { existsSync } from 'node:fs';
import { withoutIdleRollback } from '../engine/rollback-record.ts';
import { IvaapError } from '../errors.ts';
import type { PreflightReport } from '../policy/preflight-report.ts';
import type { CommandPorts } from '../session/ports.ts';
import { Session } from '../session/session.ts';
import { unlessStopped } from '../session/stoppable.ts';
import { clearDryRunWork } from '../session/work-folder.ts';
import type { Decision, Flow, FlowContext, FlowOptions } from './flow.ts';
import { installFlow } from './install/flow.ts';
import type { InstallOptions } from './install/decision.ts';
import { upgradeFlow } from './upgrade/flow.ts';
import type { UpgradeOptions } from './upgrade/options.ts';
import { runPreflight } from './run-preflight.ts';

const only = { dryRun: true, preflightOnly: true, reverify: false, yes: true, supersede: false, waive: [] };

const upgrade: UpgradeOptions = {
  ...only,
  skipBackup: false,
  acceptUnsupported: true,
  // The release of this package may be installed already: it is measured all the same.
  reapply: true,
  imagesFrom: 'auto',
  refreshArchives: false,
  forceConflicts: false,
  trustKey: undefined,
};

const resumed: InstallOptions = {
  ...only,
  resume: true,
  fqdn: undefined,
  license: undefined,
  storagePath: undefined,
  storageClass: undefined,
  connectors: undefined,
  values: undefined,
  answers: undefined,
};

/**
 * What preflight measures just now: of an upgrade, or of an install that has not completed. The payload is
 * not scanned. Works as a dry run does: it holds the lock meanwhile and leaves nothing. Throws what stands
 * against measuring at all.
 */
export async function preflightNow(ports: CommandPorts): Promise<PreflightReport> {
  await using session = await Session.open(ports, { dryRun: true });
  if (!existsSync(session.paths.installer)) {
    throw new IvaapError('preflight', `there is no ${session.paths.installer}: nothing was installed here`, {
      hint: `${session.program} install --help`,
    });
  }
  try {
    return await unlessStopped(session.signal, async () => {
      await session.takeLock('support-bundle', { leaveText: true });
      const state = withoutIdleRollback((await session.readJournal()).state);
      return state.installed === undefined && state.run?.flow === 'install'
        ? measured(installFlow, session, resumed)
        : measured(upgradeFlow, session, upgrade);
    });
  } catch (error) {
    throw session.redactor.error(error);
  } finally {
    if (session.lock !== undefined) await clearDryRunWork(session.paths).catch(() => undefined);
  }
}

async function measured<O extends FlowOptions, D extends Decision, C extends FlowContext>(
  flow: Flow<O, D, C>,
  session: Session,
  options: O,
): Promise<PreflightReport> {
  const decision = await flow.decide(session, options);
  const ctx = await flow.context(session, options, decision);
  const checks = flow.checks?.(session, options, { decision, ctx });
  if (checks === undefined) throw new IvaapError('bug', `the flow ${flow.name} has no preflight`);
  return (await runPreflight(checks, session)).report;
}
