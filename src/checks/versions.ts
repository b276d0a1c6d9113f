import { foreign } from '../foreign.ts';
import { deployedVersion } from '../host/helm.ts';
import { readHelmJournal } from '../host/helm-process.ts';
import { sameVersion } from '../version.ts';
import { agreeingVersions } from '../release/agreeing-versions.ts';
import { chartFacts } from '../release/chart-tree.ts';
import type { Check } from './check.ts';
import type { UpgradeCheckContext } from './context.ts';

/**
 * State, Chart.yaml on disk and the release must name one version, or one that an unfinished upgrade left.
 */
export const versions: Check<UpgradeCheckContext> = {
  id: 'versions',
  kind: 'guard',
  title: 'State, chart and release agree',
  limit: 'one version, or one that an unfinished upgrade left there',
  why: 'an upgrade from an unknown version cannot be checked',
  fix: 'bring the three to one version first',
  timeoutSeconds: 60,
  flows: ['upgrade'],
  async measure({ paths, helm, program, state }) {
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
    const orUnfinished =
      unfinished.length === 0
        ? ''
        : ` or that of the unfinished upgrade (${[...new Set(unfinished)].join(', ')})`;
    return {
      outcome: chartAgrees && (agrees(deployed) || emptied) ? 'ok' : 'fail',
      measured:
        `the state says ${installed}, ${paths.chart}/Chart.yaml says ` +
        `${chart === undefined ? 'nothing' : foreign(chart.version)}, the Helm release says ` +
        `${deployed === undefined ? 'nothing' : foreign(deployed)}`,
      limit: `one version, the installed one${orUnfinished}`,
      fix: `${program} repair-state`,
    };
  },
};
