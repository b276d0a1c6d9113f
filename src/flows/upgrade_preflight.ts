import { type Measurement, type PreflightReport, waivableIds } from '../policy/preflight.ts';
import type { CheckId } from '../policy/preflight-checks.ts';
import { checkArchives } from '../steps/checks/archives.ts';
import { checkCertificates } from '../steps/checks/certificates.ts';
import { checkClock } from '../steps/checks/clock.ts';
import { checkDatabase, checkPostgresMajor } from '../steps/checks/database.ts';
import { checkDatabaseLogin } from '../steps/checks/database_login.ts';
import { type CheckContext, hostFacts, once } from '../steps/checks/facts.ts';
import { checkHelmProcess } from '../steps/checks/helm_process.ts';
import { checkImageGc } from '../steps/checks/image_gc.ts';
import { checkRoutes } from '../steps/checks/ingress.ts';
import { checkPayload, checkState } from '../steps/checks/installer.ts';
import { checkMemory, checkProcessors } from '../steps/checks/machine.ts';
import { checkNodeReady, checkPressure } from '../steps/checks/node.ts';
import { checkObjects } from '../steps/checks/objects.ts';
import { checkImages } from '../steps/checks/rendered_images.ts';
import { checkPullPolicy } from '../steps/checks/pull_policy.ts';
import { checkReferences } from '../steps/checks/references.ts';
import { checkRoom } from '../steps/checks/room.ts';
import { checkSandboxImage } from '../steps/checks/sandbox_image.ts';
import { checkSchedule } from '../steps/checks/schedule.ts';
import { checkKubernetesVersion, checkVersions } from '../steps/checks/versions.ts';
import { checkClaims, checkPods } from '../steps/checks/workloads.ts';
import type { UpgradeContext } from '../steps/context.ts';
import { assertNoFieldConflicts } from '../steps/field_conflicts.ts';
import { fqdnOf } from '../steps/health.ts';
import { assertHelmReady } from '../steps/helm_state.ts';
import { tryPods } from '../steps/pod_trials.ts';
import { upgradeHelm } from '../steps/upgrade_helm.ts';
import { type Measure, runPreflight } from './preflight.ts';
import type { UpgradeSession } from './upgrade_context.ts';

function checkRendered(objects: number): Measurement {
  return { outcome: 'ok', measured: `${objects} objects`, limit: 'Helm renders it without a complaint' };
}

async function checkFieldConflicts(ctx: UpgradeContext, signal: AbortSignal): Promise<Measurement> {
  await assertNoFieldConflicts(ctx, signal);
  const measured = ctx.forceConflicts ? 'taken over (--force-conflicts)' : 'none';
  return { outcome: 'ok', measured, limit: 'no field of the release is taken over by somebody else' };
}

async function checkHelmState(ctx: UpgradeContext): Promise<Measurement> {
  await assertHelmReady(ctx, 'upgrade');
  return { outcome: 'ok', measured: 'an upgrade may follow', limit: 'a state from which Helm can go on' };
}

/** Preflight of an upgrade: the report, which the context keeps. Throws `usage` for a waiver that cannot be, `preflight` for what blocks. */
export async function preflightUpgrade(
  ctx: UpgradeContext,
  upgrade: UpgradeSession,
  { resumed }: { resumed: boolean },
): Promise<PreflightReport> {
  const { options, ports } = upgrade;
  const { waivable } = ctx.product.preflight;
  return runPreflight({
    flow: 'upgrade',
    tolerant: resumed || options.reapply,
    waivers: ctx.waivers,
    emit: ports.emit,
    redactor: upgrade.redactor,
    waivable: waivableIds('upgrade', waivable),
    onReport: (report) => (ctx.preflight = report),
    signal: ports.signal,
    now: ctx.now,
    measures: (signal) => measures(ctx, upgrade, resumed, signal),
  });
}

function measures(
  ctx: UpgradeContext,
  { ports, journal: { state } }: UpgradeSession,
  resumed: boolean,
  signal: AbortSignal,
): ReadonlyMap<CheckId, Measure> {
  const { product } = ctx;
  const { askApiServer, listProcesses } = ports.machine;
  const shared: CheckContext = { ...ctx, askApiServer, listProcesses, signal, resumed };
  const facts = hostFacts(shared);
  const limits = product.requirements.upgrade;
  const all = new Map<CheckId, Measure>([
    ['payload', async () => checkPayload(ctx)],
    ['state', () => checkState(ctx, state)],
    ['cpus', async () => checkProcessors(limits)],
    ['memory', async () => checkMemory(limits)],
    ['room', () => checkRoom(shared, facts, limits, !ctx.skipBackup)],
    ['versions', () => checkVersions(ctx, state)],
    ['k3s-version', async () => checkKubernetesVersion(product, await ctx.kubectl.serverVersion({ signal }))],
    ['chart', async () => checkRendered((await ctx.rendered()).length)],
    ['postgres-major', async () => checkPostgresMajor(shared, facts, await ctx.rendered())],
    ['images', async () => checkImages(shared, await ctx.rendered({ hooks: true }))],
    ['helm-state', () => checkHelmState(ctx)],
    ['field-conflicts', () => checkFieldConflicts(ctx, signal)],
    ['helm-process', async () => checkHelmProcess(shared)],
    ['node-ready', () => checkNodeReady(facts)],
    ['disk-pressure', () => checkPressure(facts)],
    ['image-gc', () => checkImageGc(shared, facts)],
    ['pods', () => checkPods(shared, facts)],
    ['volume-bound', () => checkClaims(shared, facts)],
    ['database', () => checkDatabase(shared, facts)],
    ['ingress', () => checkRoutes(shared, fqdnOf(product, ctx.values))],
    ['certificates', () => checkCertificates(shared, facts)],
    ['clock', () => checkClock(facts, state, ctx.now)],
  ]);
  // Of a run whose Helm is through nothing is made anew.
  if (ctx.run()?.steps[upgradeHelm.id]?.status !== 'completed' || !resumed) {
    const pods = once(async () => tryPods(ctx, await ctx.answers(signal), signal));
    all.set('objects', async () =>
      checkObjects(ctx, await ctx.answers(signal), await pods(), await facts.cluster(), signal),
    );
    all.set('references', async () => checkReferences(ctx, await pods(), await facts.cluster(), signal));
    const { login } = product.database;
    if (login !== undefined) all.set('database-login', () => checkDatabaseLogin(ctx, login, signal));
    all.set('pull-policy', async () =>
      checkPullPolicy(await ctx.rendered({ hooks: true }), await pods(), ctx.values.path),
    );
    all.set('sandbox-image', () => checkSandboxImage(shared));
    all.set('schedule', async () =>
      checkSchedule(await ctx.answers(signal), await pods(), await facts.cluster(), product.namespace),
    );
  }
  if (ctx.imagesFrom === 'disk' && !ctx.refreshArchives) all.set('archives', () => checkArchives(ctx));
  return all;
}
