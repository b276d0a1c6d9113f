import type { Tool } from './tools.ts';

/** Helm's command line: the one place that builds it. */

/** Helm's arguments; none is a secret, values are passed as file paths. */
export interface HelmOptions {
  /** Folder of the chart. */
  chart: string;
  /** Values files, later ones win. */
  valuesFiles: readonly string[];
  wait: 'watcher' | 'legacy' | 'hookOnly';
  /** For any single wait of Helm's; a rollback waits again as long. */
  timeoutSeconds: number;
  /** Takes over fields that other managers own. */
  forceConflicts?: boolean;
  /**
   * Records that Helm keeps, the new one included; the deployed one is never among those that go. Helm's own
   * default is 10. Of an upgrade only.
   */
  historyMax?: number;
  /** A failure leaves the release as it is, instead of rolling it back. Of an upgrade only. */
  keepsFailed?: boolean;
}

interface Place {
  tool: Pick<Tool, 'path'>;
  kubeconfig: string;
  namespace: string;
  release: string;
}

export const clusterArgs = ({ kubeconfig, namespace }: Pick<Place, 'kubeconfig' | 'namespace'>) => [
  '--kubeconfig',
  kubeconfig,
  '--namespace',
  namespace,
];

export const valuesArgs = (files: readonly string[]) => files.map((file) => `--values=${file}`);

export const deployArgs = ({ release }: Pick<Place, 'release'>, options: HelmOptions) => [
  release,
  options.chart,
  ...valuesArgs(options.valuesFiles),
  `--wait=${options.wait}`,
  '--hide-notes',
  ...(options.forceConflicts === true ? ['--force-conflicts'] : []),
];

export const limit = ({ timeoutSeconds }: Pick<HelmOptions, 'timeoutSeconds'>) =>
  `--timeout=${timeoutSeconds}s`;

/** The complete command of an upgrade, Helm's program first. */
export function upgradeArgv(settings: Place, options: HelmOptions): [string, ...string[]] {
  const { historyMax, keepsFailed = false } = options;
  return [
    settings.tool.path,
    'upgrade',
    ...deployArgs(settings, options),
    ...(historyMax === undefined ? [] : [`--history-max=${historyMax}`]),
    '--reset-values',
    '--server-side=true',
    ...(keepsFailed ? [] : ['--rollback-on-failure']),
    ...clusterArgs(settings),
    limit(options),
  ];
}
