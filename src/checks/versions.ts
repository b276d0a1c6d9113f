import { satisfies } from 'semver';
import type { State } from '../engine/state.ts';
import { deployedVersion, type Helm } from '../host/helm.ts';
import { readHelmJournal } from '../host/helm-process.ts';
import type { Product } from '../payload/product-schema.ts';
import type { Measurement } from '../policy/preflight-report.ts';
import { sameVersion } from '../policy/version.ts';
import { agreeingVersions } from '../release/agreeing-versions.ts';
import { chartFacts } from '../release/chart-tree.ts';
import type { ProductPaths } from '../release/product-paths.ts';
import { foreign } from '../foreign.ts';

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
