import type { HeldLock } from '../../engine/lock.ts';
import { Redactor } from '../../engine/redact.ts';
import { assertRoot } from '../../host/system.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { type LoggedPorts, loggedPorts } from '../../session/logged-ports.ts';
import { preflightResult, recordPreflightStart } from '../preflight-record.ts';
import { type FlowResult, runFlow } from '../run-flow.ts';
import { planRun } from '../run-plan.ts';
import { isFresh } from '../question.ts';
import { readValuesFile } from '../../release/values-file.ts';
import { openJournal, stateIsThere } from '../../session/own-state.ts';
import { knownAsRoot } from '../../queries/as-root.ts';
import { assertCluster, openHost } from '../../session/host-tools.ts';
import { takeLock } from '../../session/lock.ts';
import { openOwnPayload } from '../../session/opened-payload.ts';
import { needsRootFor } from '../../session/ports.ts';
import { clearApart, clearWork, workApart } from '../../session/work-folder.ts';
import type { OpenedPayload } from '../../session/opened-payload.ts';
import type { CommandPorts } from '../../session/ports.ts';
import { unlessStopped } from '../../session/stoppable.ts';
import { recordFoundStart, recordSkippedBackup, withWayBack } from './backup.ts';
import { dryRunUpgrade } from './dry-run.ts';
import { upgradeContext, type UpgradeSession } from './context.ts';
import { decideUpgrade } from './decision.ts';
import * as gate from './gate.ts';
import { upgradeSteps } from './steps.ts';
import type { Trust } from '../../queries/trust.ts';
import { recordTrust, trustUpgrade } from './trust.ts';
import { assertOptions, confirmReapply, type UpgradeOptions } from './options.ts';
import { preflightUpgrade } from './preflight.ts';
import { upgradeSummary } from './summary.ts';
import { WholeScan } from '../whole-scan.ts';

/** `install --upgrade`: may it start at all, then the graph, then what changed. */
export async function runUpgrade(options: UpgradeOptions, given: CommandPorts): Promise<FlowResult> {
  const ports = loggedPorts(given);
  assertOptions(options, ports);
  assertRoot(ports.again(), needsRootFor(options));
  const opened = await openOwnPayload(ports.machine);
  if (options.dryRun) workApart(opened.paths);
  const redactor = new Redactor();
  // A host without state is only looked at: not even a lock is left there.
  const lock = stateIsThere(opened.paths)
    ? await takeLock(opened, `install --upgrade${options.dryRun ? ' --dry-run' : ''}`, ports, {
        leaveText: options.dryRun,
      })
    : undefined;
  const scan = new WholeScan(opened, ports, options);
  try {
    const prepared = await scan.beside(ports, (beside) => prepare(options, beside, opened, redactor, lock));
    if ('result' in prepared) return prepared.result;
    await scan.keep();
    return await start(await unlessStopped(ports.signal, () => asked(prepared)), ports);
  } catch (error) {
    throw redactor.error(error);
  } finally {
    // Of a run that was refused, too: what was read need not be read again.
    if (lock !== undefined && !options.dryRun && !options.preflightOnly) await scan.keep();
    // A run that was refused has asked Helm as well, which makes its private folders.
    const clear = options.dryRun ? clearApart : clearWork;
    if (lock !== undefined) await clear(opened.paths).catch(() => undefined);
    lock?.release();
    await opened.payload.close();
  }
}

/** What an upgrade starts with, once nothing stands against it. */
interface UpgradeStart {
  upgrade: UpgradeSession;
  decision: Awaited<ReturnType<typeof decideUpgrade>>;
  ctx: UpgradeContext;
  trust: Trust | undefined;
}

/** Places Helm, and changes nothing else. A dry run, and one that ends with preflight, have their result here. */
async function prepare(
  options: UpgradeOptions,
  ports: LoggedPorts,
  opened: OpenedPayload,
  redactor: Redactor,
  lock: HeldLock | undefined,
): Promise<{ result: FlowResult } | UpgradeStart> {
  const { product, paths } = opened;
  if (lock === undefined || !stateIsThere(paths)) {
    const asked = await knownAsRoot(() => openHost(product, redactor, ports));
    return gate.refuseWithoutState(opened, asked, ports);
  }
  const host = await openHost(product, redactor, ports);
  await assertCluster(host.kubectl, product);
  const journal = await openJournal(opened, ports.program);
  const trust = trustUpgrade(opened.payload, journal.state, options.trustKey, ports);
  const upgrade: UpgradeSession = { options, ports, opened, host, journal, lock, redactor };
  if (options.dryRun) return { result: await dryRunUpgrade(upgrade) };
  const decision = await decideUpgrade(upgrade);
  const ctx = await upgradeContext(upgrade, decision.from);
  const report = await preflightUpgrade(ctx, upgrade, { resumed: decision.how === 'continue' });
  return options.preflightOnly ? { result: preflightResult(report) } : { upgrade, decision, ctx, trust };
}

/**
 * Asks where a question is due, under the lock. No other run can have changed anything meanwhile; the values file and the host can: where
 * the file did, or the question waited for long, both are looked at again.
 */
async function asked(prepared: UpgradeStart): Promise<UpgradeStart> {
  const { upgrade, decision, ctx } = prepared;
  const { ports, options } = upgrade;
  const answer = await confirmReapply(options, ports, decision);
  if (answer === undefined) return prepared;
  const { sha256 } = await readValuesFile(ctx.paths.values, ctx.program);
  if (isFresh(answer) && sha256 === ctx.values.sha256) return prepared;
  const again = await upgradeContext(upgrade, decision.from);
  await preflightUpgrade(again, upgrade, { resumed: decision.how === 'continue' });
  return { ...prepared, ctx: again };
}

async function start(
  { upgrade, decision, ctx, trust }: UpgradeStart,
  ports: LoggedPorts,
): Promise<FlowResult> {
  const { opened, host, journal, redactor, lock } = upgrade;
  for (const line of decision.notes) {
    ports.emit({ type: 'message', at: ctx.now().toISOString(), level: 'warning', line });
  }
  const flow = {
    flow: 'upgrade',
    ctx,
    journal,
    opened,
    ports,
    redactor,
    patience: host.patience,
    steps: upgradeSteps(opened.product),
    fresh: decision.how === 'fresh',
  } as const;
  return runFlow({
    ...flow,
    lock,
    plan: await planRun(flow),
    onStart: async (run, kept) => {
      await recordTrust(journal, trust, { by: ctx.operator, run });
      await recordFoundStart(journal, ctx, (line) =>
        ports.emit({ type: 'message', at: ctx.now().toISOString(), level: 'warning', line }),
      );
      await recordSkippedBackup(journal, ctx, run, kept);
      await recordPreflightStart(journal, ctx, run);
    },
    summarize: (result) => upgradeSummary(ctx, result),
    explain: (error) => withWayBack(error, journal.state, opened.paths),
  });
}
