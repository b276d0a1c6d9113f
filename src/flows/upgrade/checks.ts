import type { State } from '../../engine/state.ts';
import { type Measurement, waivableIds } from '../../policy/preflight-report.ts';
import type { CheckId } from '../../policy/preflight-checks.ts';
import { checkArchives } from '../../checks/archives.ts';
import { checkCertificates } from '../../checks/certificates.ts';
import { checkClock } from '../../checks/clock.ts';
import { checkDatabase, checkPostgresMajor } from '../../checks/database.ts';
import { type CheckContext, hostFacts } from '../../checks/facts.ts';
import { once } from '../../release/once.ts';
import { checkHelmProcess } from '../../checks/helm-process.ts';
import { checkImageGc } from '../../checks/image-gc.ts';
import { checkRoutes } from '../../checks/ingress.ts';
import { checkPayload, checkState } from '../../checks/installer.ts';
import { checkMemory, checkProcessors } from '../../checks/machine.ts';
import { checkNodeReady, checkPressure } from '../../checks/node.ts';
import { checkObjects } from '../../checks/objects.ts';
import { checkImages } from '../../checks/images.ts';
import { checkPullPolicy } from '../../checks/pull-policy.ts';
import { checkReferences } from '../../checks/references.ts';
import { checkRoom } from '../../checks/room.ts';
import { checkSandboxImage } from '../../checks/sandbox-image.ts';
import { checkSchedule } from '../../checks/schedule.ts';
import { checkKubernetesVersion, checkVersions } from '../../checks/versions.ts';
import { checkClaims, checkPods } from '../../checks/workloads.ts';
import type { UpgradeContext } from '../../release/context.ts';
import { assertNoFieldConflicts } from '../../release/field-conflicts.ts';
import { fqdnOf } from '../../release/health-route.ts';
import { assertHelmReady } from '../../release/helm-state.ts';
import { tryPods } from '../../release/pod-trials.ts';
import { upgradeHelm } from '../../steps/upgrade_helm.ts';
import type { Session } from '../../session/session.ts';
import type { Prepared } from '../flow.ts';
import { type FlowChecks, type Measure } from '../run-preflight.ts';
import type { UpgradeStart } from './decision.ts';
import type { UpgradeOptions } from './options.ts';
import { checkDatabaseLogin } from '../../checks/database-login.ts';

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

/** Preflight of an upgrade. */
export function upgradeChecks(
  { machine }: Session,
  { reapply }: UpgradeOptions,
  { decision: { resumed, state }, ctx }: Prepared<UpgradeStart, UpgradeContext>,
): FlowChecks {
  return {
    flow: 'upgrade',
    tolerant: resumed || reapply,
    waivers: ctx.waivers,
    waivable: waivableIds('upgrade', ctx.product.preflight.waivable),
    measures: (signal) => {
      const { askApiServer, listProcesses } = machine;
      return measures(ctx, { ...ctx, askApiServer, listProcesses, signal, resumed }, state);
    },
  };
}

function measures(
  ctx: UpgradeContext,
  shared: CheckContext,
  state: Readonly<State>,
): ReadonlyMap<CheckId, Measure> {
  const { product } = ctx;
  const { resumed, signal } = shared;
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
