import { existsSync } from 'node:fs';
import { Journal } from '../engine/journal.ts';
import type { HeldLock } from '../engine/lock.ts';
import { Redactor } from '../engine/redact.ts';
import type { RunResult } from '../engine/run.ts';
import { readState, type State } from '../engine/state.ts';
import type { JsonObject } from '../engine/step.ts';
import { IvaapError } from '../errors.ts';
import { assertSafePath } from '../host/safe-path.ts';
import { assertRoot } from '../host/system.ts';
import type { UpgradeDecision } from '../policy/upgrade-policy.ts';
import type { StepContext, UpgradeContext } from '../steps/context.ts';
import { assertNoFieldConflicts } from '../steps/field_conflicts.ts';
import { fqdnOf } from '../steps/health.ts';
import { measureRequirements } from '../steps/requirements.ts';
import { upgradePgBackup } from '../steps/upgrade_pg_backup.ts';
import { readValuesFile } from '../steps/values_file.ts';
import { type FlowResult, runFlow, stepContext } from './run_flow.ts';
import { hideGenerated, hideValues, installedLicense } from './secrets_of_host.ts';
import * as session from './session.ts';
import type { FlowPorts, OpenedPayload } from './session.ts';
import * as gate from './upgrade_gate.ts';
import { upgradeSteps } from './upgrade_graph.ts';

export interface UpgradeOptions {
  skipBackup: boolean;
  acceptUnsupported: boolean;
  reapply: boolean;
  forceConflicts: boolean;
  yes: boolean;
  imagesFrom: StepContext['imagesFrom'];
  refreshArchives: boolean;
}

/** `install --upgrade`: may it start at all, then the graph, then what changed. */
export async function runUpgrade(options: UpgradeOptions, ports: FlowPorts): Promise<FlowResult> {
  assertOptions(options, ports);
  assertRoot(`${ports.program} install --upgrade`);
  const opened = await session.openOwnPayload(ports.machine);
  const redactor = new Redactor();
  // A host without state is only looked at: not even a lock is left there.
  const lock = existsSync(opened.paths.state)
    ? await session.takeLock(opened, 'install --upgrade', ports)
    : undefined;
  try {
    await session.scanWhole(opened.payload, ports);
    return await locked(options, ports, opened, redactor, lock);
  } catch (error) {
    throw redactor.error(error);
  } finally {
    // A run that was refused has asked Helm as well, which makes its private folders.
    if (lock !== undefined) await session.clearWork(opened.paths).catch(() => undefined);
    lock?.release();
    await opened.payload.close();
  }
}

function assertOptions(options: UpgradeOptions, ports: FlowPorts): void {
  if (!options.reapply) return;
  if (options.skipBackup) {
    throw new IvaapError('usage', '--reapply makes a fresh backup: it excludes --skip-backup', {
      hint: `${ports.program} install --upgrade --reapply`,
    });
  }
  if (!options.yes && ports.confirm === undefined) {
    throw new IvaapError('usage', '--reapply asks for confirmation, and nobody can be asked here', {
      hint: `${ports.program} install --upgrade --reapply --yes`,
    });
  }
}

async function locked(
  options: UpgradeOptions,
  ports: FlowPorts,
  opened: OpenedPayload,
  redactor: Redactor,
  lock: HeldLock | undefined,
): Promise<FlowResult> {
  const { product, paths } = opened;
  const host = await session.openHost(product, redactor, ports.machine);
  gate.assertKubernetesVersion(product, await session.assertCluster(host.kubectl));
  const state = await readState(paths.state);
  if (state === undefined || lock === undefined) {
    return gate.refuseWithoutState(opened, host, ports.program);
  }
  // Root runs and reads what lies below: nobody else may be able to put something there.
  await assertSafePath(paths.installer);
  const decision = gate.decide(opened, state, options, ports.program);
  const values = await readValuesFile(paths.values);
  fqdnOf(product, values);
  hideValues(product, values, redactor);
  await gate.assertReleaseReady(product, host);
  const helm = await session.placeHelm(opened, host.runner);
  await gate.assertVersionsAgree(product, paths, state, helm);
  const requirements = await measureRequirements(product.requirements.upgrade);
  if (!isUnfinished(state)) {
    // A run that goes on must not be stopped by the damage that it comes to mend, nor by the room that it has taken itself.
    gate.assertRequirements(requirements);
    await gate.assertDatabaseRuns(host, product);
  }
  await hideGenerated(host.kubectl, product, redactor);
  const license = await installedLicense(host.kubectl, product, redactor);
  await confirmReapply(options, ports, decision);
  const journal = await Journal.open({ path: paths.state, product: product.name });
  const ctx: UpgradeContext = {
    ...stepContext(opened, host, {
      helm,
      lock,
      journal,
      redactor,
      ports,
      requirements,
      from: decision.from,
      entitlements: license?.entitlements ?? [],
      imagesFrom: options.imagesFrom,
      refreshArchives: options.refreshArchives,
    }),
    from: decision.from,
    values,
    skipBackup: options.skipBackup,
    forceConflicts: options.forceConflicts,
  };
  await gate.assertImagesOnDisk(ctx);
  await assertNoFieldConflicts(ctx, ports.signal);
  for (const line of decision.notes) {
    ports.emit({ type: 'message', at: ctx.now().toISOString(), level: 'warning', line });
  }
  try {
    const result = await runFlow({
      flow: 'upgrade',
      ctx,
      journal,
      opened,
      ports,
      redactor,
      lock,
      steps: upgradeSteps(product),
      fresh: decision.how === 'fresh',
      onStart: (run) => recordSkippedBackup(journal, ctx, run),
    });
    return summary(ctx, result, journal.state);
  } catch (error) {
    throw withDumpNote(error, journal.state);
  }
}

const isUnfinished = ({ run }: State) =>
  run?.flow === 'upgrade' && (run.status === 'running' || run.status === 'failed');

async function confirmReapply(
  { reapply, yes }: UpgradeOptions,
  { confirm, program }: FlowPorts,
  { from, to }: UpgradeDecision & { kind: 'allowed' },
): Promise<void> {
  if (!reapply || yes) return;
  const question = `Run every step of the upgrade from ${from} to ${to} again, with a fresh dump and snapshot?`;
  if ((await confirm?.(question)) === true) return;
  throw new IvaapError('nothing_to_do', 'not confirmed: nothing was changed', {
    hint: `to run it without the question: ${program} install --upgrade --reapply --yes`,
  });
}

const isDumped = ({ run }: State) => run?.steps[upgradePgBackup.id]?.status === 'completed';

async function recordSkippedBackup(journal: Journal, ctx: UpgradeContext, run: string): Promise<void> {
  const known = journal.state.skippedBackups.some((skipped) => skipped.run === run);
  // A run that goes on may have its dump already: then there is nothing left to skip.
  if (!ctx.skipBackup || known || isDumped(journal.state)) return;
  await journal.update((draft, at) => {
    draft.skippedBackups.push({ by: ctx.operator, at, run, from: ctx.from, to: ctx.to });
  });
}

/** A failure of an upgrade without a dump says so: the operator's way back is another one. */
function withDumpNote(error: unknown, state: State): unknown {
  const skipped = state.skippedBackups.findLast(({ run }) => run === state.run?.id);
  if (!(error instanceof IvaapError) || skipped === undefined || isDumped(state)) return error;
  const note = `There is no dump of this upgrade (--skip-backup by ${skipped.by ?? 'unknown'}, ${skipped.at}).`;
  return new IvaapError(error.code, `${error.message}. ${note}`.replace('..', '.'), {
    cause: error.cause,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.output === undefined ? {} : { output: error.output }),
    ...(error.step === undefined ? {} : { step: error.step }),
    ...(error.log === undefined ? {} : { log: error.log }),
  });
}

function summary(ctx: UpgradeContext, result: RunResult, state: State): FlowResult {
  const { from, to, product } = ctx;
  const out = (step: string) => result.outputs[step] ?? {};
  const images = (out('upgrade_load_images').imageLoad ?? {}) as {
    loaded?: string[];
    importedBytes?: number;
  };
  const schema = (out('upgrade_helm').schema ?? {}) as { before?: number | null; after?: number | null };
  const { pgDump } = out('upgrade_pg_backup') as { pgDump?: { path: string; sha256: string } };
  const { snapshot } = out('upgrade_snapshot') as { snapshot?: { folder: string } };
  const { overlay } = out('upgrade_migrate') as { overlay?: { path: string | null; patches: string[] } };
  const schemaLine =
    schema.before === schema.after
      ? `schema version ${schema.after ?? 'unknown'}, unchanged`
      : `schema version ${schema.before ?? 'unknown'} -> ${schema.after ?? 'unknown'}`;
  const restart = out('upgrade_helm').restart;
  const data: JsonObject = {
    from,
    to,
    chart: ctx.paths.chart,
    previousChart: out('upgrade_chart_swap').previousChart ?? null,
    loadedImages: images.loaded ?? [],
    schema: { before: schema.before ?? null, after: schema.after ?? null },
    overlay: overlay?.path ?? null,
    patches: overlay?.patches ?? [],
    dump: pgDump?.path ?? null,
    dumpSha256: pgDump?.sha256 ?? null,
    snapshot: snapshot?.folder ?? null,
    restart: restart ?? null,
    warnings: result.warnings,
  };
  const lines = [
    from === to ? `${product.title} ${to} was applied again.` : `${product.title} ${from} -> ${to}: done.`,
    `  release  ${product.release} in namespace ${product.namespace}, chart ${ctx.paths.chart}`,
    `  images   ${images.loaded?.length ?? 0} loaded, the others were there`,
    `  database ${schemaLine}`,
    ...(overlay?.path == null
      ? []
      : [`  values   patched in ${overlay.path}: ${overlay.patches.join(', ')}`]),
    `  backup   ${pgDump?.path ?? noDump(state)}`,
    `  snapshot ${snapshot?.folder ?? 'none'} (state, values, Helm's records, old chart)`,
    ...(typeof restart === 'string' ? [`  to do    ${restart}`] : []),
  ];
  return { lines, data };
}

const noDump = ({ skippedBackups, run }: State) =>
  skippedBackups.some((skipped) => skipped.run === run?.id)
    ? 'none: there is no dump of this upgrade (--skip-backup)'
    : 'none';
