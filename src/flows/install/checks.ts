import type { State } from '../../engine/state.ts';
import { waivableIds } from '../../policy/preflight-report.ts';
import type { CheckId } from '../../policy/preflight-checks.ts';
import { checkCertificates } from '../../checks/certificates.ts';
import { checkClock } from '../../checks/clock.ts';
import { type CheckContext, hostFacts } from '../../checks/facts.ts';
import { checkHelmProcess } from '../../checks/helm-process.ts';
import { checkImageGc } from '../../checks/image-gc.ts';
import { checkIngressPorts } from '../../checks/ingress.ts';
import { checkPayload } from '../../checks/installer.ts';
import { checkMemory, checkProcessors } from '../../checks/machine.ts';
import { checkNodeReady, checkPressure } from '../../checks/node.ts';
import { checkRoom } from '../../checks/room.ts';
import { checkSandboxImage } from '../../checks/sandbox-image.ts';
import { checkNodes } from '../../checks/schedule.ts';
import { checkKubernetesVersion } from '../../checks/versions.ts';
import type { InstallContext } from '../../release/context.ts';
import type { Session } from '../../session/session.ts';
import type { Prepared } from '../flow.ts';
import type { FlowChecks, Measure } from '../run-preflight.ts';
import type { InstallDecision, InstallOptions } from './decision.ts';

/** Preflight of a fresh install. */
export function installChecks(
  { machine, product }: Session,
  _: InstallOptions,
  { decision: { state }, ctx }: Prepared<InstallDecision, InstallContext>,
): FlowChecks {
  const resumed = state?.run !== undefined;
  const { askApiServer, listProcesses } = machine;
  return {
    flow: 'install',
    tolerant: resumed,
    waivers: ctx.waivers,
    waivable: waivableIds('install', product.preflight.waivable),
    measures: (signal) => measures(ctx, { ...ctx, askApiServer, listProcesses, signal, resumed }, state),
  };
}

function measures(
  { product, fqdn, now }: InstallContext,
  ctx: CheckContext,
  state: State | undefined,
): ReadonlyMap<CheckId, Measure> {
  const { signal } = ctx;
  const facts = hostFacts(ctx);
  const limits = product.requirements.install;
  return new Map<CheckId, Measure>([
    ['payload', async () => checkPayload(ctx)],
    ['cpus', async () => checkProcessors(limits)],
    ['memory', async () => checkMemory(limits)],
    ['room', () => checkRoom(ctx, facts, limits, false)],
    ['k3s-version', async () => checkKubernetesVersion(product, await ctx.kubectl.serverVersion({ signal }))],
    ['helm-process', async () => checkHelmProcess(ctx)],
    ['node-ready', () => checkNodeReady(facts)],
    ['disk-pressure', () => checkPressure(facts)],
    ['schedule', async () => checkNodes((await facts.cluster()).nodes)],
    ['sandbox-image', () => checkSandboxImage(ctx)],
    ['image-gc', () => checkImageGc(ctx, facts)],
    ['ingress', () => checkIngressPorts(ctx, fqdn)],
    ['certificates', () => checkCertificates(ctx, facts)],
    ['clock', () => checkClock(facts, state, now)],
  ]);
}
