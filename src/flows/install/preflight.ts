import type { Redactor } from '../../engine/redact.ts';
import { readHelmJournal } from '../../host/helm-process.ts';
import type { State } from '../../engine/state.ts';
import { type PreflightReport, waivableIds } from '../../policy/preflight.ts';
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
import { type Measure, runPreflight } from '../preflight.ts';
import type { HostTools } from '../../session/host-tools.ts';
import type { OpenedPayload } from '../../session/opened-payload.ts';
import type { FlowPorts } from '../../session/ports.ts';
import { waiversOf } from '../waivers.ts';

export interface InstallPreflight {
  opened: OpenedPayload;
  host: HostTools;
  ports: FlowPorts;
  redactor: Redactor;
  /** Of an install that goes on. */
  state: State | undefined;
  entitlements: readonly string[];
  fqdn: string;
  /** `ID=REASON`, as typed. */
  waive: readonly string[];
  /** Given the report before what blocks is thrown. */
  onReport?: (report: PreflightReport) => void;
}

const now = () => new Date();

/** Preflight of a fresh install. Throws `usage` for a waiver that cannot be, `preflight` for what blocks. */
export async function preflightInstall(options: InstallPreflight): Promise<PreflightReport> {
  const { ports, state } = options;
  const { waivable } = options.opened.product.preflight;
  return runPreflight({
    flow: 'install',
    tolerant: state?.run !== undefined,
    waivers: waiversOf(options.waive, 'install', options.opened.product),
    emit: ports.emit,
    redactor: options.redactor,
    waivable: waivableIds('install', waivable),
    ...(options.onReport === undefined ? {} : { onReport: options.onReport }),
    signal: ports.signal,
    now,
    measures: (signal) => measures(options, signal),
  });
}

function measures(options: InstallPreflight, signal: AbortSignal): ReadonlyMap<CheckId, Measure> {
  const { opened, host, ports, state, entitlements, fqdn } = options;
  const { askApiServer, listProcesses } = ports.machine;
  const { product } = opened;
  const ctx: CheckContext = {
    ...opened,
    ...host,
    entitlements,
    askApiServer,
    listProcesses,
    helmJournal: () => readHelmJournal(state?.helm),
    signal,
    now,
    refreshArchives: false,
    program: ports.program,
    run: () => state?.run,
    resumed: state?.run !== undefined,
  };
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
