import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { jsonAnswer, linesAnswer } from './answer.ts';
import { IvaapError } from '../errors.ts';
import { explainIfClusterDown } from './cluster-down.ts';
import { clusterArgs, deployArgs, type HelmOptions, limit, upgradeArgv, valuesArgs } from './helm-argv.ts';
import type { OutageRetry } from './outage-retry.ts';
import { programFailure } from './program-failure.ts';
import type { Runner, RunOptions, RunResult } from './runner.ts';
import { identityOf, type ProcessIdentity } from './system.ts';
import { assertToolUnchanged, type Tool } from './tools.ts';

export type HelmStatus =
  | 'unknown'
  | 'deployed'
  | 'uninstalled'
  | 'superseded'
  | 'failed'
  | 'uninstalling'
  | 'pending-install'
  | 'pending-upgrade'
  | 'pending-rollback';

export interface HelmRelease {
  name: string;
  namespace: string;
  revision: number;
  status: HelmStatus;
  /** Chart.yaml's name, version and appVersion. */
  chart: string;
  version: string;
  appVersion: string;
}

export interface HelmRevision {
  revision: number;
  /** ISO 8601, as Helm prints it. */
  updated: string;
  status: HelmStatus;
  /** `NAME-VERSION`. */
  chart: string;
  appVersion: string;
  description: string;
}

export interface DeployOptions extends HelmOptions {
  /** Must be durable when it resolves: Helm starts after that. */
  record: (process: ProcessIdentity) => Promise<void>;
  /** Abort asks Helm to stop, which rolls an upgrade back; it is waited for. */
  signal?: AbortSignal;
  /** The lock's descriptor: it stays held while Helm lives, even without us. */
  inherit?: readonly number[];
}

export interface HelmSettings {
  tool: Tool;
  kubeconfig: string;
  namespace: string;
  release: string;
  /** Private folder for Helm's cache, configuration, data and plugins: made empty here. */
  workFolder: string;
  /** Questions wait for an API server that is away; what changes the release does not. */
  outageRetry?: OutageRetry;
}

export interface Helm {
  readonly namespace: string;
  readonly release: string;
  /** `v4.3.1`. */
  version(): Promise<string>;
  /** undefined when there is no such release (its history may still exist). */
  current(): Promise<HelmRelease | undefined>;
  /** Oldest first; empty when there is no such release. */
  history(): Promise<HelmRevision[]>;
  /**
   * Whether a revision was applied on the server; Helm 3 and Helm 4's `--server-side=false` leave that to
   * themselves.
   */
  appliedOnServer(revision: number): Promise<boolean>;
  /** The values given by the operator, as JSON text; `all` with the chart's own. Holds secrets. */
  values(options?: { revision?: number; all?: boolean }): Promise<string>;
  /** The rendered manifests of a revision, as YAML. Holds secrets. */
  manifest(revision?: number): Promise<string>;
  /**
   * Renders as an upgrade, changes nothing. `asked`: the cluster answers what the chart looks up and which
   * APIs there are, as in the upgrade itself; it fails where a kind is not served. Holds secrets.
   */
  template(options: {
    chart: string;
    valuesFiles: readonly string[];
    kubeVersion?: string;
    asked?: boolean;
  }): Promise<string>;
  /** Never installs: a missing release is a failure. A failure rolls back to the last good revision. */
  upgrade(options: DeployOptions): Promise<RunResult>;
  /** The very command that `upgrade` starts, Helm's program first. */
  upgradeArgv(options: HelmOptions): readonly [string, ...string[]];
  /** Never rolls back: that would uninstall. */
  install(options: DeployOptions): Promise<RunResult>;
  /** No failure where there is no such release. Waits until what it removes is gone. */
  uninstall(
    options: Pick<DeployOptions, 'timeoutSeconds' | 'signal' | 'inherit' | 'record'>,
  ): Promise<RunResult>;
}

/**
 * The product's version that a release deploys: appVersion, or the chart's own where it has none, as it is
 * read of a chart on disk.
 */
export const deployedVersion = ({
  appVersion,
  version,
}: Pick<HelmRelease, 'appVersion' | 'version'>): string =>
  appVersion === undefined || appVersion === '' ? version : appVersion;

/** Name of the Secret in which Helm keeps one revision. */
export const releaseSecretName = (release: string, revision: number): string =>
  `sh.helm.release.v1.${release}.v${revision}`;

/** What the last Helm that changed something said, below its private folder. */
const helmOutputFile = (workFolder: string): string => join(workFolder, 'words');

const queryTimeoutMs = 60_000;

export function createHelm(runner: Runner, settings: HelmSettings): Helm {
  const { tool, release, namespace } = settings;
  const cluster = clusterArgs(settings);
  const folder = (name: string) => join(settings.workFolder, `helm-${name}`);
  const env = {
    HELM_CACHE_HOME: folder('cache'),
    HELM_CONFIG_HOME: folder('config'),
    HELM_DATA_HOME: folder('data'),
    HELM_PLUGINS: folder('plugins'),
    HELM_DRIVER: 'secret',
  };

  async function run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    for (const path of [env.HELM_CACHE_HOME, env.HELM_CONFIG_HOME, env.HELM_DATA_HOME, env.HELM_PLUGINS]) {
      await mkdir(path, { recursive: true, mode: 0o700 });
    }
    await assertToolUnchanged(tool);
    return runner.run([tool.path, ...args], { timeoutMs: queryTimeoutMs, ...options, env });
  }

  const read = async (args: readonly string[]): Promise<string> => {
    const question = () => run([...args, ...cluster]);
    try {
      return (await (settings.outageRetry?.ask(question) ?? question())).stdout;
    } catch (error) {
      throw explainIfClusterDown(error);
    }
  };

  /** undefined when Helm knows no such release. */
  async function query(args: readonly string[]): Promise<string | undefined> {
    try {
      return await read(args);
    } catch (error) {
      if (/release: not found/.test(programFailure(error)?.stderr ?? '')) return undefined;
      throw error;
    }
  }

  /**
   * A change is waited for well beyond Helm's own limit, which starts again for each wait; it is asked to
   * stop, never killed early.
   */
  function change(
    args: readonly string[],
    options: Pick<DeployOptions, 'timeoutSeconds' | 'signal' | 'inherit'> &
      Partial<Pick<DeployOptions, 'record'>>,
  ): Promise<RunResult> {
    const { record } = options;
    const timeoutMs = options.timeoutSeconds * 1000;
    return run(args, {
      stdoutIsText: 'loud',
      timeoutMs: 3 * timeoutMs + 300_000,
      graceMs: timeoutMs + 60_000,
      detached: record && {
        outputFile: helmOutputFile(settings.workFolder),
        record: (pid) => record(identityOf(pid)),
      },
      signal: options.signal,
      inherit: options.inherit,
    });
  }

  return {
    namespace,
    release,
    async version() {
      const { stdout } = await run(['version', '--template={{.Version}}']);
      if (/^v\d+\.\d+\.\d+\S*$/.test(stdout.trim())) return stdout.trim();
      throw new IvaapError('failed', 'Helm does not report its version', {
        hint: 'run the same command again',
      });
    },
    async current() {
      const text = await query(['get', 'metadata', release, '--output=json']);
      if (text === undefined) return undefined;
      const { name, revision, status, chart, version, appVersion } = jsonAnswer<HelmRelease>(
        'helm get metadata',
        text,
        (answer) => Number.isInteger(answer?.revision) && typeof answer.status === 'string',
      );
      return { name, namespace, revision, status, chart, version, appVersion };
    },
    async history() {
      const text = await query(['history', release, '--output=json']);
      type Row = Omit<HelmRevision, 'appVersion'> & { app_version: string };
      // Where there is a release there is a revision.
      const rows =
        text === undefined
          ? []
          : jsonAnswer<Row[]>(
              'helm history',
              text,
              (answer) =>
                Array.isArray(answer) &&
                answer.length > 0 &&
                answer.every(({ revision }) => Number.isInteger(revision)),
            );
      return rows.map(({ revision, updated, status, chart, app_version: appVersion, description }) => ({
        revision,
        updated,
        status,
        chart,
        appVersion,
        description,
      }));
    },
    async appliedOnServer(revision) {
      const text = await read(['get', 'metadata', release, '--output=json', ...revisionArgs(revision)]);
      const { applyMethod } = jsonAnswer<{ applyMethod?: string; revision: number }>(
        'helm get metadata',
        text,
        (answer) => Number.isInteger(answer?.revision),
      );
      return applyMethod === 'ssa';
    },
    async values({ revision, all } = {}) {
      const args = ['get', 'values', release, '--output=json', ...(all === true ? ['--all'] : [])];
      const text = await read([...args, ...revisionArgs(revision)]);
      // Without any the answer is `null`.
      jsonAnswer<unknown>('helm get values', text, (answer) => typeof answer === 'object');
      return text;
    },
    async manifest(revision) {
      const text = await read(['get', 'manifest', release, ...revisionArgs(revision)]);
      return linesAnswer('helm get manifest', text, /\S/);
    },
    async template({ chart, valuesFiles, kubeVersion, asked }) {
      const args = ['template', release, chart, '--is-upgrade', ...valuesArgs(valuesFiles)];
      if (asked === true) {
        const text = await read([...args, '--dry-run=server', '--disable-openapi-validation']);
        return linesAnswer('helm template', text, /\S/);
      }
      const version = kubeVersion === undefined ? [] : [`--kube-version=${kubeVersion}`];
      const { stdout } = await run([...args, ...version, '--namespace', namespace]);
      return linesAnswer('helm template', stdout, /\S/);
    },
    upgradeArgv: (options) => upgradeArgv(settings, options),
    upgrade: (options) => change(upgradeArgv(settings, options).slice(1), options),
    install: (options) =>
      change(['install', ...deployArgs(settings, options), ...cluster, limit(options)], options),
    uninstall: (options) =>
      change(['uninstall', release, '--ignore-not-found', '--wait', ...cluster, limit(options)], options),
  };
}

const revisionArgs = (revision: number | undefined) =>
  revision === undefined ? [] : [`--revision=${revision}`];
