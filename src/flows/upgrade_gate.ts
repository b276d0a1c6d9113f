import { satisfies } from 'semver';
import type { State } from '../engine/state.ts';
import { IvaapError } from '../errors.ts';
import type { Helm } from '../host/helm.ts';
import { releaseSecretName } from '../host/helm.ts';
import type { Product } from '../payload/product-schema.ts';
import type { RequirementResult } from '../policy/requirements.ts';
import { requireUpgrade, type UpgradeDecision } from '../policy/upgrade-policy.ts';
import { sameVersion } from '../policy/version.ts';
import { chartFacts } from '../steps/chart_tree.ts';
import type { StepContext, UpgradeContext } from '../steps/context.ts';
import { assertNoFieldConflicts } from '../steps/field_conflicts.ts';
import { planImageLoad } from '../steps/image_load.ts';
import type { ProductPaths } from '../steps/paths.ts';
import { type HostTools, helmRecords, type OpenedPayload } from './session.ts';
import type { UpgradeSession } from './upgrade_context.ts';

/** Whether an upgrade may start at all: each check throws before anything is changed. */

export function decide(
  opened: OpenedPayload,
  state: State,
  flags: { reapply: boolean; acceptUnsupported: boolean },
  program: string,
): UpgradeDecision & { kind: 'allowed' } {
  const { payload, product, release } = opened;
  const { run } = state;
  return requireUpgrade({
    command: program,
    installed: state.installed,
    lastRun:
      run === undefined ? undefined : { ...run, pastPointOfNoReturn: run.pointOfNoReturn !== undefined },
    target: { version: release.version, payloadDigest: payload.digest },
    flags,
    limits: product.versions,
  });
}

/** A host without state: was it deployed by other means, or not at all? */
export async function refuseWithoutState(
  { product, paths, release }: OpenedPayload,
  { kubectl }: HostTools,
  program: string,
): Promise<never> {
  const records = await helmRecords(kubectl, product);
  if (records.length > 0) {
    throw new IvaapError(
      'version',
      `the Helm release ${product.release} runs here, but this installer did not install it: there is no ${paths.state}`,
      { hint: `follow the guide "${product.versions.legacyGuide}"` },
    );
  }
  throw new IvaapError(
    'version',
    `nothing is installed on this host that could be upgraded: there is no ${paths.state}`,
    { hint: `to install ${release.version} anew: ${program} install --help` },
  );
}

export function assertKubernetesVersion(product: Product, version: string): void {
  if (satisfies(version, product.k3s.versionRange, { includePrerelease: true })) return;
  throw new IvaapError(
    'preflight',
    `the cluster runs Kubernetes ${version}; this release supports ${product.k3s.versionRange}`,
    { hint: 'k3s --version' },
  );
}

/** All that is asked of the host before the first step. */
export async function assertHost(
  ctx: UpgradeContext,
  { host, journal, ports }: UpgradeSession,
): Promise<void> {
  const { product, paths, helm } = ctx;
  await assertReleaseReady(product, host);
  await assertVersionsAgree(product, paths, journal.state, helm);
  if (!isUnfinished(journal.state)) {
    // A run that goes on must not be stopped by the damage that it comes to mend, nor by the room that it has taken itself.
    assertRequirements(ctx.requirements);
    await assertDatabaseRuns(host, product);
  }
  await assertImagesOnDisk(ctx);
  await assertNoFieldConflicts(ctx, ports.signal);
}

const isUnfinished = ({ run }: State) =>
  run?.flow === 'upgrade' && (run.status === 'running' || run.status === 'failed');

/** Helm's records as they must be for Helm to go on. */
export async function assertReleaseReady(product: Product, { kubectl }: HostTools): Promise<void> {
  const last = (await helmRecords(kubectl, product)).at(-1);
  const { release, namespace } = product;
  const look = `k3s kubectl get secrets -n ${namespace} -l owner=helm,name=${release}`;
  if (last === undefined) {
    throw new IvaapError(
      'preflight',
      `the Helm release ${release} is missing in the namespace ${namespace}, although the state says that it is installed`,
      { hint: look },
    );
  }
  if (last.status.startsWith('pending')) {
    const secret = releaseSecretName(release, last.revision);
    throw new IvaapError(
      'preflight',
      `the Helm release ${release} is ${last.status} (revision ${last.revision}): a Helm was cut off, or still works on it`,
      {
        hint: `When no helm runs any more (pgrep -a helm), remove the record of the revision that did not end: k3s kubectl delete secret -n ${namespace} ${secret}`,
      },
    );
  }
  if (last.status === 'uninstalling' || last.status === 'uninstalled') {
    throw new IvaapError(
      'preflight',
      `the Helm release ${release} is ${last.status} (revision ${last.revision}): somebody began to remove the product`,
      { hint: look },
    );
  }
}

/** State, Chart.yaml on disk and the release must name one version, or one that an unfinished upgrade left there. */
export async function assertVersionsAgree(
  product: Product,
  paths: ProductPaths,
  state: State,
  helm: Helm,
): Promise<void> {
  const installed = state.installed?.version ?? '';
  const release = await helm.current();
  if (release !== undefined && release.chart !== product.chart.name) {
    throw new IvaapError(
      'preflight',
      `the Helm release ${product.release} is of the chart ${release.chart}, not of ${product.chart.name}`,
      { hint: `k3s kubectl get secrets -n ${product.namespace} -l owner=helm,name=${product.release}` },
    );
  }
  const chart = await chartFacts(paths.chart);
  const unfinished = [...state.history, ...(state.run === undefined ? [] : [state.run])]
    .filter((run) => run.flow === 'upgrade' && run.status !== 'completed' && run.from === installed)
    .map(({ to }) => to);
  const known = [installed, ...unfinished];
  const agrees = (version: string | undefined) =>
    version !== undefined && known.some((one) => sameVersion(one, version));
  // While a chart is swapped there is an instant without one; the swap places the new one.
  const chartAgrees = agrees(chart?.version) || (chart === undefined && unfinished.length > 0);
  if (chartAgrees && agrees(release?.appVersion)) return;
  throw new IvaapError(
    'preflight',
    `it is not clear which version is installed: the state says ${installed}, ${paths.chart}/Chart.yaml says ${chart?.version ?? 'nothing'}, the Helm release says ${release?.appVersion ?? 'nothing'}`,
    {
      hint: `Bring the three to one version first; the chart of ${installed} comes from the package of ${installed}.`,
    },
  );
}

async function assertDatabaseRuns({ database }: HostTools, product: Product): Promise<void> {
  try {
    await database.pod();
  } catch (error) {
    throw new IvaapError('preflight', 'the database pod does not run, so no backup can be made', {
      cause: error,
      ...(error instanceof IvaapError && error.output !== undefined ? { output: error.output } : {}),
      hint: `k3s kubectl describe pod -n ${product.namespace} -l ${product.database.selector}`,
    });
  }
}

/** With `--images-from disk` the archives must be found good before the first step, not after the dump. */
async function assertImagesOnDisk(ctx: StepContext): Promise<void> {
  if (ctx.imagesFrom !== 'disk' || ctx.refreshArchives) return;
  try {
    await planImageLoad(ctx);
  } catch (error) {
    if (!(error instanceof IvaapError)) throw error;
    const { message, hint } = error;
    throw new IvaapError('preflight', message, hint === undefined ? {} : { hint });
  }
}

/** All shortages in one report. */
export function assertRequirements(results: readonly RequirementResult[]): void {
  const short = results.filter(({ ok }) => !ok);
  if (short.length === 0) return;
  throw new IvaapError(
    'preflight',
    `this host is too small: ${short.map(({ id, summary }) => `${id}: ${summary}`).join('; ')}`,
    { hint: short.map(({ fix }) => fix ?? '').join('; ') },
  );
}
