import { valuesOfRelease } from '../release/values-file.ts';
import { existsSync } from 'node:fs';
import { IvaapError } from '../errors.ts';
import { readRegularText } from '../host/regular-file.ts';
import { Redactor } from '../engine/redact.ts';
import type { ReleaseRecord } from '../host/helm-record.ts';
import type { Kubectl } from '../host/kubectl.ts';
import { readHolder } from '../host/lock.ts';
import { listPods } from '../host/pods.ts';
import { isAlive } from '../host/system.ts';
import type { Product } from '../payload/product-schema.ts';
import { keptDataHere } from '../release/ended-uninstalls.ts';
import { keptDataReport } from './kept-data.ts';
import {
  answerAtText,
  certificateText,
  probeRoute,
  type RouteAsking,
  targetOf,
} from '../release/health-route.ts';
import { otherOnPath } from '../release/other-on-path.ts';
import { haltedNow, haltText, startCommand } from '../release/halt.ts';
import { isRemoving } from '../release/uninstall-record.ts';
import { hideGenerated, hideValues } from '../release/secrets-of-host.ts';
import { latestRecordedDump } from '../backup/dump-record.ts';
import { verificationOf } from '../backup/verified-dump.ts';
import { wayBackOf } from '../backup/way-back.ts';
import { listBackups } from './backups.ts';
import { hostEvidence, type HostEvidence } from './host-evidence.ts';
import { withoutIdleRollback } from '../engine/rollback-record.ts';
import { readOwnState } from '../session/own-state.ts';
import { type Known, mapKnown } from '../known.ts';
import { knownAsRoot } from './as-root.ts';
import { disagreement } from './release-agreement.ts';
import { type HostTools, openHost } from '../session/host-tools.ts';
import { type OpenedPayload, openOwnPayload } from '../session/opened-payload.ts';
import { thisMachine } from '../session/machine.ts';
import type { CommandPorts, FlowPorts } from '../session/ports.ts';
import { type WaysOut, waysOut } from './ways-out.ts';
import { factsOf, noStateRefusal, unknownCluster } from './without-state.ts';
import type { PodReport, StatusReport } from './status-schema.ts';
import { judged, type StatusFacts, upgradeAnswer } from './upgrade-answer.ts';
import { sameVersion } from '../version.ts';
import { schemaDueText } from '../policy/schema-due.ts';
import { schemaVerdictOf } from './schema-verdict-now.ts';
import { helmByHand } from '../release/helm-by-hand.ts';
import { unplacedHelm } from '../session/helm-placement.ts';

/** Ports of the status query; the signal is aborted when nobody waits for it any more. */
export type StatusPorts = Pick<CommandPorts, 'machine' | 'signal' | 'program'>;

/**
 * The current state of the installation; works without a cluster and reports what it could not read. Throws
 * the signal's reason at once when it is aborted, without waiting for pending queries.
 */
export async function queryStatus(ports: StatusPorts): Promise<StatusReport> {
  const { signal } = ports;
  const { promise, reject } = Promise.withResolvers<never>();
  const stop = () => reject(signal.reason as Error);
  signal.addEventListener('abort', stop, { once: true });
  try {
    signal.throwIfAborted();
    return await Promise.race([gather(ports), promise]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

async function gather({ machine = thisMachine, signal, program }: StatusPorts): Promise<StatusReport> {
  const opened = await openOwnPayload(machine);
  const redactor = new Redactor();
  try {
    const { product, release, paths } = opened;
    const holder = readHolder(paths.lock);
    const runs = holder !== undefined && isAlive(holder);
    const [state, backups, overlay, kept] = await Promise.all([
      knownAsRoot(async () => {
        const found = await readOwnState(opened, program);
        // One that was killed is over: the run before it is the last one.
        const isOver = !runs && found?.run?.flow === 'rehearse';
        return (isOver ? withoutIdleRollback(found) : found) ?? null;
      }),
      knownAsRoot(() => listBackups(paths.backups)),
      knownAsRoot(async () => readOverlay(paths.overlay)),
      knownAsRoot(() => keptDataHere(product)),
    ]);
    const { digest: payloadDigest } = opened.payload;
    const target = { program, payloadDigest, limits: product.versions };
    const mayUpgrade = judged({ state, payloadVersion: release.version }, target)?.kind === 'allowed';
    const ways =
      state.known && state.value !== null ? waysOut(state.value, paths, program, mayUpgrade) : null;
    const facts: StatusFacts = {
      at: new Date().toISOString(),
      running: holder !== undefined && runs ? holder : null,
      product: product.name,
      title: product.title,
      payloadVersion: release.version,
      state,
      skippedBackup:
        (state.known && state.value !== null ? wayBackOf(state.value).skipped : undefined) ?? null,
      waysOut: ways,
      backups,
      keptData: keptDataReport(kept, { state, product, program }),
      onPath: await onPathNow(opened, state),
      latestDump: latestDump(state),
      overlay,
      ...(await queryCluster(opened, redactor, { machine, signal, program, state, ways })),
    };
    return { ...facts, upgrade: upgradeAnswer(facts, target) };
  } finally {
    await opened.payload.close();
  }
}

async function onPathNow(
  opened: OpenedPayload,
  state: StatusReport['state'],
): Promise<StatusReport['onPath']> {
  const installed = state.known ? state.value?.installed : undefined;
  return installed === undefined ? null : ((await otherOnPath(opened, installed)) ?? null);
}

function latestDump(state: StatusReport['state']): StatusReport['latestDump'] {
  if (!state.known || state.value === null) return null;
  const recorded = latestRecordedDump(state.value);
  if (recorded === undefined) return null;
  const { path, takenAt } = recorded;
  const verified = verificationOf(state.value, recorded);
  return { path, takenAt, there: existsSync(path), ...(verified && { verified: verified.at }) };
}

async function readOverlay(path: string): Promise<{ path: string; text: string } | null> {
  try {
    return { path, text: await readRegularText(path) };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}

type Asking = Pick<FlowPorts, 'machine' | 'signal' | 'program'>;
type ClusterParts = Pick<
  StatusReport,
  'release' | 'host' | 'schema' | 'schemaVerdict' | 'halted' | 'pods' | 'health'
>;

async function queryCluster(
  opened: OpenedPayload,
  redactor: Redactor,
  { machine, signal, program, state, ways }: Asking & Pick<StatusReport, 'state'> & { ways: WaysOut | null },
): Promise<ClusterParts> {
  const { product, paths } = opened;
  const asked = reachable(product, redactor, { machine, signal });
  const kubectl = async () => {
    const found = await asked;
    if (!found.known) throw new Error(`the API server is not reachable: ${found.why}`);
    return found.value.kubectl;
  };
  const health = knownAsRoot(async () => {
    if (!existsSync(paths.values)) refuseMissingValues(paths.values, state, ways);
    const values = await valuesOfRelease({ paths, program });
    hideValues(product, values, redactor);
    return probeAll(product, { product, values, kubectl });
  });
  const host = await asked;
  const evidence = await hostEvidence(opened, host, signal);
  const advice = adviceOf(state, evidence, opened, program);
  return {
    release: mapKnown(evidence.records, (records) => summaryOf(records.at(-1))),
    host: advice === undefined ? null : { facts: factsOf(evidence, opened), advice },
    schema: await schemaOf(opened, { host, state, signal }),
    schemaVerdict: await schemaVerdictOf(product, { host, state, signal }),
    halted: host.known
      ? await knownAsRoot(() => queryHalted(host.value.kubectl, product, { state, signal }))
      : host,
    pods: host.known
      ? await knownAsRoot(() => queryPods(host.value.kubectl, product, redactor, signal))
      : host,
    health: await health,
  };
}

/**
 * Throws where the values file is missing as it should be: no install has come so far, or an uninstall is
 * past it. Otherwise a repair writes it again.
 */
function refuseMissingValues(path: string, state: StatusReport['state'], ways: WaysOut | null): void {
  if (!state.known) return;
  const { installed, run } = state.value ?? {};
  if (installed !== undefined && !isRemoving({ run })) return;
  throw new IvaapError('preflight', `there is no ${path}`, { hint: ways?.forward ?? undefined });
}

/** One query first: without an answer, each further one would wait for its own timeout. */
function reachable(
  product: Product,
  redactor: Redactor,
  { machine, signal }: Pick<Asking, 'machine' | 'signal'>,
): Promise<Known<HostTools>> {
  return knownAsRoot(async () => {
    const host = await openHost(product, { machine, reporter: { redactor, report: () => {} }, signal });
    await host.kubectl.serverVersion({ timeoutMs: 5000, signal });
    return host;
  });
}

/**
 * Whether the last run has completed with this executable's release: the schema that it needs is known then.
 */
const isInstalled = (state: StatusReport['state'], { release }: OpenedPayload): boolean =>
  state.known &&
  state.value?.installed !== undefined &&
  state.value.run?.status !== 'running' &&
  state.value.run?.status !== 'failed' &&
  sameVersion(state.value.installed.version, release.version);

async function schemaOf(
  opened: OpenedPayload,
  { host, state, signal }: { host: Known<HostTools>; state: StatusReport['state']; signal: AbortSignal },
): Promise<StatusReport['schema']> {
  if (!state.known || state.value?.installed === undefined) return null;
  if (!host.known) return host;
  return knownAsRoot(async () => {
    const { product, release, paths } = opened;
    const version = await host.value.database.schemaVersion(product.database.schemaVersionQuery, signal);
    if (!isInstalled(state, opened)) return { version, target: null, helmByHand: null };
    const { target } = release.schema;
    if (schemaDueText(version, target) === undefined) return { version, target, helmByHand: null };
    const helm = await unplacedHelm(opened, host.value);
    return { version, target, helmByHand: helmByHand({ product, paths, helm }, false) };
  });
}

function summaryOf(record: ReleaseRecord | undefined) {
  if (record === undefined) return null;
  const { revision, status, content } = record;
  return { revision, status, version: content?.version ?? null };
}

/** Undefined where the state can be read and Helm's records agree with it, or are unknown. */
function adviceOf(
  state: StatusReport['state'],
  evidence: HostEvidence,
  opened: OpenedPayload,
  program: string,
): { message: string; hint: string } | undefined {
  const repair = `${program} repair-state`;
  if (!state.known) {
    if (state.hint === undefined) return undefined;
    // A repair asks the cluster, so that comes first.
    const silent = state.hint === repair && !evidence.records.known;
    return silent ? unknownCluster(evidence, state.why) : { message: state.why, hint: state.hint };
  }
  if (state.value === null) return noStateRefusal(evidence, opened, program);
  // What Helm has no record of any more is what the uninstall has removed.
  if (isRemoving(state.value)) return undefined;
  const message = disagreement(state.value, evidence.records, opened.product.release);
  return message === undefined ? undefined : { message, hint: repair };
}

async function queryHalted(
  kubectl: Kubectl,
  product: Product,
  { state, signal }: Pick<StatusReport, 'state'> & { signal: AbortSignal },
) {
  const found = await haltedNow({ kubectl, product, signal });
  if (found.length === 0) return null;
  const goesOn = state.known && state.value !== null && isRemoving(state.value);
  return { text: haltText(found), start: goesOn ? null : startCommand(found, product) };
}

async function queryPods(
  kubectl: Kubectl,
  product: Product,
  redactor: Redactor,
  signal: AbortSignal,
): Promise<PodReport[]> {
  await hideGenerated(kubectl, product, redactor);
  const pods = await listPods(kubectl, { namespace: product.namespace, signal });
  return pods.map(({ name, phase, ready, ends, restarts, trouble, containers }) => ({
    name,
    phase,
    ready,
    ends,
    restarts,
    trouble: trouble.map((line) => redactor.own(line)),
    images: containers.map(({ image, imageId, ready: up }) => ({ image, imageId, ready: up })),
  }));
}

function probeAll({ health }: Product, asking: RouteAsking) {
  return Promise.all(
    health.map(async (route) => {
      const result = await probeRoute(route, asking);
      return {
        id: route.id,
        title: route.title,
        path: targetOf(route, asking).path,
        url: result.url,
        certificate: certificateText(result) ?? null,
        healthy: result.healthy,
        answer: answerAtText(result),
      };
    }),
  );
}
