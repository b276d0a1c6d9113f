import { satisfies } from 'semver';
import { foreign } from '../../foreign.ts';
import type { State } from '../../engine/state.ts';
import { deployedVersion, type Helm } from '../../host/helm.ts';
import { readHelmJournal } from '../../host/helm-process.ts';
import type { Product } from '../../payload/product-schema.ts';
import type { Measurement } from '../../policy/preflight.ts';
import { sameVersion } from '../../policy/version.ts';
import { chartFacts } from '../chart_tree.ts';
import type { ProductPaths } from '../paths.ts';

export function checkKubernetesVersion(product: Product, version: string): Measurement {
  const { versionRange } = product.k3s;
  const fits = satisfies(version, versionRange, { includePrerelease: true });
  return {
    outcome: fits ? 'ok' : 'fail',
    measured: `the cluster runs Kubernetes ${foreign(version)}`,
    limit: `this release supports ${versionRange}`,
  };
}

/** State, Chart.yaml on disk and the release must name one version, or one that an unfinished upgrade left there. */
export async function checkVersions(
  { paths, helm, program }: { paths: ProductPaths; helm: Pick<Helm, 'current'>; program: string },
  state: State,
): Promise<Measurement> {
  const installed = state.installed?.version ?? '';
  const release = await helm.current();
  const deployed = release === undefined ? undefined : deployedVersion(release);
  const chart = await chartFacts(paths.chart);
  const { known, onDisk, unfinished, mayLackChart } = agreeingVersions(state);
  const among = (versions: readonly string[], version: string | undefined) =>
    version !== undefined && versions.some((one) => sameVersion(one, version));
  const agrees = (version: string | undefined) => among(known, version);
  const chartAgrees = among(onDisk, chart?.version) || (chart === undefined && mayLackChart);
  const emptied = release === undefined && readHelmJournal(state.helm).emptied === true;
  return {
    outcome: chartAgrees && (agrees(deployed) || emptied) ? 'ok' : 'fail',
    measured: `the state says ${installed}, ${paths.chart}/Chart.yaml says ${chart === undefined ? 'nothing' : foreign(chart.version)}, the Helm release says ${deployed === undefined ? 'nothing' : foreign(deployed)}`,
    limit: `one version, the installed one${unfinished.length === 0 ? '' : ` or that of the unfinished upgrade (${[...new Set(unfinished)].join(', ')})`}`,
    fix: `${program} repair-state`,
  };
}

/** The repair of the state since which no run has completed. */
export function standingRepair({ repair, installed }: State): State['repair'] {
  return repair !== undefined && (installed?.completedAt ?? '') <= repair.at ? repair : undefined;
}

/** Which versions release and chart may have beside this state. */
export function agreeingVersions(state: State) {
  const installed = state.installed?.version ?? '';
  const unfinished = [...state.history, ...(state.run === undefined ? [] : [state.run])]
    .filter(
      (run) => run.flow === 'upgrade' && run.status !== 'completed' && sameVersion(run.from ?? '', installed),
    )
    .map(({ to }) => to);
  const known = [installed, ...unfinished];
  const repair = standingRepair(state);
  return {
    known,
    unfinished,
    // What a repair found on disk was shown and accepted: the next upgrade replaces it.
    onDisk: typeof repair?.chart === 'string' ? [...known, repair.chart] : known,
    // While a chart is swapped there is an instant without one; the swap places the new one.
    mayLackChart: unfinished.length > 0 || repair?.chart === null,
  };
}
