import { rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { Emit } from '../engine/events.ts';
import type { HeldLock } from '../engine/lock.ts';
import type { Redactor } from '../engine/redact.ts';
import { causeChain, IvaapError } from '../errors.ts';
import { askApiServer, expiredCertificate } from '../host/api-server.ts';
import { type Containerd, createContainerd } from '../host/containerd.ts';
import { createHelm, type Helm } from '../host/helm.ts';
import { findK3s, type K3s } from '../host/k3s.ts';
import { createKubectl, isDistrust, type Kubectl } from '../host/kubectl.ts';
import { Patience } from '../host/patience.ts';
import { createPostgres, type Postgres } from '../host/postgres.ts';
import { listProcesses } from '../host/processes.ts';
import { createRunner, type Runner, type RunnerSettings } from '../host/runner.ts';
import { flockLock, type LockOptions } from '../host/lock.ts';
import { assertSafePath } from '../host/safe-path.ts';
import { operator } from '../host/system.ts';
import { placeTool, type Tool } from '../host/tools.ts';
import type { PayloadIndex } from '../payload/index-schema.ts';
import type { Product, Release } from '../payload/product-schema.ts';
import { openPayload, selfPath } from '../payload/open-payload.ts';
import type { Payload } from '../payload/reader.ts';
import type { Again } from '../policy/again.ts';
import { shortestVersion } from '../policy/version.ts';
import { ownBinary } from './go_on.ts';
import { reportTo } from './logged_ports.ts';
import { productPaths, type ProductPaths } from '../steps/paths.ts';
import { orphanedHelm } from './orphaned_helm.ts';
import { stoppable } from './stoppable.ts';

/** Where a flow works: the file that carries its payload, and what starts its programs. */
export interface Machine {
  executable: string;
  createRunner(settings?: RunnerSettings): Runner;
  askApiServer: typeof askApiServer;
  listProcesses: typeof listProcesses;
}

/** This host, with ourselves as the payload. */
export const thisMachine: Machine = {
  executable: selfPath,
  createRunner,
  askApiServer,
  listProcesses,
};

/** What a command gives to a flow. */
export interface FlowPorts {
  machine: Machine;
  emit: Emit;
  signal: AbortSignal;
  /** Aborted when the operator asks a second time to stop. */
  insist: AbortSignal;
  /** This program as it was typed. */
  program: string;
  /** The command that runs, as it was typed. */
  again: Again;
  /** Asks the operator; undefined where nobody can be asked. */
  confirm: ((question: string) => Promise<boolean>) | undefined;
}

/** What a run needs root for, in the words of its refusal. */
export const needsRootFor = ({
  dryRun,
  preflightOnly = false,
}: {
  dryRun: boolean;
  preflightOnly?: boolean;
}) => (dryRun || preflightOnly ? 'reads what only root may read' : 'changes the host');

/** A payload with its data read, and the places of its product. */
export interface OpenedPayload {
  payload: Payload;
  index: PayloadIndex;
  product: Product;
  release: Release;
  paths: ProductPaths;
}

export async function openOwnPayload({ executable }: Machine): Promise<OpenedPayload> {
  const payload = await openPayload(executable);
  const [index, product, packed] = await Promise.all([payload.index(), payload.product(), payload.release()]);
  // One text for one version: `2026.2.0` and `2026.2` are compared as texts wherever they were recorded.
  const release = { ...packed, version: shortestVersion(packed.version) };
  return { payload, index, product, release, paths: productPaths(product) };
}

/** The host's programs, each behind its typed wrapper. */
export interface HostTools {
  runner: Runner;
  patience: Patience;
  k3s: K3s;
  kubectl: Kubectl;
  database: Postgres;
  containerd: Containerd;
}

/**
 * One run at a time. Throws `locked` while another one goes on, `preflight` when others than root can change the lock's folder; a Helm that
 * outlived its run is waited for.
 * `words` are what was typed after the program's name.
 */
export async function takeLock(
  opened: OpenedPayload,
  words: string,
  ports: FlowPorts,
  options: Pick<LockOptions, 'leaveText'> = {},
): Promise<HeldLock> {
  const { paths, product, release } = opened;
  // Root writes, runs and reads what lies below: nobody else may be able to put something there.
  await assertSafePath(paths.installer);
  const orphan = orphanedHelm({ paths, product }, ports);
  const lock = await flockLock({
    path: paths.lock,
    runner: ports.machine.createRunner(),
    command: words,
    again: ports.again({ program: await ownBinary(opened), anywhere: true }),
    version: release.version,
    by: operator().user,
    hint: `${ports.program} status --watch`,
    whileOrphaned: orphan.wait,
    ...options,
  }).acquire();
  orphan.ended();
  return lock;
}

/** Throws `preflight` when k3s is missing; asks the cluster nothing. Until a run has begun the signal ends whatever is asked. */
export async function openHost(
  product: Product,
  redactor: Redactor,
  { machine, emit, signal }: Pick<FlowPorts, 'machine' | 'emit' | 'signal'>,
): Promise<HostTools> {
  const patience = new Patience();
  const programs = machine.createRunner({ redactor, report: reportTo(emit) });
  const runner = stoppable(programs, signal, () => patience.hasBegun);
  const k3s = await findK3s(runner);
  const kubectl = createKubectl(runner, {
    k3s: k3s.path,
    kubeconfig: product.k3s.kubeconfig,
    manager: product.command,
    patience,
  });
  const { selector, container, user, name } = product.database;
  const database = createPostgres(kubectl, {
    namespace: product.namespace,
    selector,
    container,
    user,
    database: name,
    patience,
  });
  const containerd = createContainerd(runner, { k3s: k3s.path, socket: product.k3s.containerdSocket });
  return { runner, patience, k3s, kubectl, database, containerd };
}

/** Throws `preflight` when the API server does not answer, or does not accept us: then with the certificate that has expired. */
export async function assertCluster(kubectl: Kubectl, { k3s }: Pick<Product, 'k3s'>): Promise<string> {
  try {
    return await kubectl.serverVersion();
  } catch (error) {
    const expired = isDistrust(error) ? await expiredCertificate(k3s.kubeconfig) : undefined;
    const { hint, output, cause } = error instanceof IvaapError ? error : {};
    const words =
      expired === undefined
        ? causeChain(error)[0]
        : `the API server answers, and a certificate has expired on ${expired.validTo.toISOString()}: that of ${expired.place}`;
    throw new IvaapError('preflight', words ?? 'the Kubernetes API server does not answer', {
      cause: cause ?? error,
      hint: expired === undefined ? (hint ?? 'systemctl status k3s') : 'date; systemctl restart k3s',
      ...(output === undefined ? {} : { output }),
    });
  }
}

/** The payload's own Helm, placed below the installer's folder, with folders of its own. */
export async function placeHelm(opened: OpenedPayload, host: HelmHost): Promise<Helm> {
  const { payload, paths } = opened;
  const { entry, sha256 } = await helmEntry(opened);
  const tool = await placeTool(paths.tools, { name: 'helm', sha256 }, () => payload.streamEntry(entry)).catch(
    async (error: unknown) => {
      // Folders that were made for it, where nothing else lies in them.
      for (const folder of [join(paths.tools, sha256), paths.tools])
        await rmdir(folder).catch(() => undefined);
      throw withoutRoom(error) ?? error;
    },
  );
  return helmAt(opened, host, tool);
}

/** Helm is the first file that is written: a disk without room for it has changed by nothing. */
function withoutRoom(error: unknown): IvaapError | undefined {
  if (!(error instanceof IvaapError) || !(error.cause instanceof Error) || !('code' in error.cause))
    return undefined;
  if (error.cause.code !== 'ENOSPC' && error.cause.code !== 'EDQUOT') return undefined;
  const { message, hint, cause } = error;
  return new IvaapError('preflight', `${message}: Helm's program has to lie there`, {
    cause,
    ...(hint === undefined ? {} : { hint }),
  });
}

/** The same for whoever starts none: nothing is written. */
export async function unplacedHelm(opened: OpenedPayload, host: HelmHost): Promise<Helm> {
  const { sha256 } = await helmEntry(opened);
  return helmAt(opened, host, { path: join(opened.paths.tools, sha256, 'helm'), sha256 });
}

type HelmHost = Pick<HostTools, 'runner' | 'patience'>;

async function helmEntry({ payload, index }: OpenedPayload): Promise<{ entry: string; sha256: string }> {
  const tool = index.tools.helm;
  if (tool === undefined) throw new IvaapError('payload', 'this payload carries no Helm');
  const { sha256 } = await payload.entry(tool.entry);
  return { entry: tool.entry, sha256 };
}

function helmAt({ product, paths }: OpenedPayload, { runner, patience }: HelmHost, tool: Tool): Helm {
  return createHelm(runner, {
    tool,
    kubeconfig: product.k3s.kubeconfig,
    namespace: product.namespace,
    release: product.release,
    workFolder: join(paths.work, 'helm'),
    patience,
  });
}

/** Work files are a run's own: what a dead run left goes before the next begins. */
export async function clearWork(paths: ProductPaths): Promise<void> {
  await rm(paths.work, { recursive: true, force: true });
}

/** A dry run leaves the work files of a run that died where they are. */
export function workApart(paths: ProductPaths): void {
  paths.work = join(paths.work, 'dry-run');
}

/** Not even an empty folder stays. */
export async function clearApart(paths: ProductPaths): Promise<void> {
  await clearWork(paths);
  await rmdir(dirname(paths.work)).catch(() => undefined);
}
