import { isObject, jsonAnswer } from './answer.ts';
import { explainIfClusterDown } from './cluster-down.ts';
import type { OutageRetry } from './outage-retry.ts';
import { programFailure } from './program-failure.ts';
import type { Runner, RunOptions, RunResult } from './runner.ts';

/** The parts of a Kubernetes object that we read everywhere; the rest is the caller's to type. */
export interface KubeObject {
  apiVersion: string;
  kind: string;
  metadata: {
    name: string;
    namespace?: string;
    uid?: string;
    generation?: number;
    resourceVersion?: string;
    creationTimestamp?: string;
    deletionTimestamp?: string;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    ownerReferences?: { kind: string; name: string; uid?: string }[];
  };
}

/** As the API server gives it: each value in base64. */
export type Secret = KubeObject & { type?: string; data?: Record<string, string> };

/** An object to apply; metadata.name is what the server needs. */
export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [key: string]: unknown };
  [key: string]: unknown;
}

/** An object's kind as kubectl takes it, without a version: `deployment.apps`, `service`. */
export function kindForKubectl({ apiVersion, kind }: Pick<Manifest, 'apiVersion' | 'kind'>): string {
  const [group] = apiVersion.includes('/') ? apiVersion.split('/') : [];
  return `${kind.toLowerCase()}${group === undefined ? '' : `.${group}`}`;
}

export interface KubectlSettings {
  /** Absolute path of the `k3s` program. */
  k3s: string;
  kubeconfig: string;
  /** Field manager of what we apply. */
  manager: string;
  /** For each answer of the API server. Default 20 s. */
  requestTimeoutMs?: number;
  /** Waits for an API server that is away. */
  outageRetry?: OutageRetry;
}

export interface Scope {
  namespace?: string;
  allNamespaces?: boolean;
  /** Label selector. */
  selector?: string;
  signal?: AbortSignal;
  timeoutMs?: number;
}

export interface Kubectl {
  /** The API server's version, `v1.34.4+k3s1`. */
  serverVersion(scope?: Scope): Promise<string>;
  /** undefined when there is no such object. */
  get<T extends KubeObject = KubeObject>(kind: string, name: string, scope?: Scope): Promise<T | undefined>;
  list<T extends KubeObject = KubeObject>(kind: string, scope?: Scope): Promise<T[]>;
  /** Server-side apply. Contents travel through stdin, never through an argv. */
  apply(
    manifests: readonly Manifest[] | string,
    options?: Scope & { forceConflicts?: boolean; dryRun?: boolean; manager?: string },
  ): Promise<void>;
  /** `KEY=VALUE` adds a label and fails where it has another value; `KEY-` removes it, if it is there. */
  label(kind: string, name: string, words: readonly string[], scope?: Scope): Promise<void>;
  /** A merge patch: null removes a member. */
  patch(kind: string, name: string, patch: object, scope?: Scope): Promise<void>;
  /** No failure when there is nothing to delete. `wait` false returns while finalizers still run. */
  delete(kind: string, name: string, scope?: Scope & { wait?: boolean }): Promise<void>;
  /**
   * A program in a container: argv after `--`, streams as in the runner. `repeatable`: it changes nothing and
   * may be started again.
   */
  exec(
    target: { namespace: string; pod: string; container?: string },
    argv: readonly [string, ...string[]],
    options?: RunOptions & { repeatable?: boolean },
  ): Promise<RunResult>;
  logs(
    target: { namespace: string; pod: string; container?: string },
    options?: { tailLines?: number; previous?: boolean; signal?: AbortSignal },
  ): Promise<string>;
  /** Anything else: the arguments after `kubectl`. */
  run(args: readonly string[], options?: RunOptions): Promise<RunResult>;
}

const defaultRequestTimeoutMs = 20_000;

export function createKubectl(runner: Runner, settings: KubectlSettings): Kubectl {
  const requestTimeoutMs = settings.requestTimeoutMs ?? defaultRequestTimeoutMs;
  const base = [settings.k3s, 'kubectl', '--kubeconfig', settings.kubeconfig] as const;

  async function run(args: readonly string[], options: RunOptions = {}): Promise<RunResult> {
    try {
      return await runner.run([...base, ...args], { label: labelOf(args), ...options });
    } catch (error) {
      throw explainIfClusterDown(error);
    }
  }

  const patiently = (question: () => Promise<RunResult>, signal?: AbortSignal) =>
    settings.outageRetry?.ask(question, signal) ?? question();

  /** A request that may be made twice, with an answer that is waited for a limited time. */
  function ask(args: readonly string[], scope: Scope = {}, options: RunOptions = {}): Promise<RunResult> {
    const timeoutMs = scope.timeoutMs ?? requestTimeoutMs;
    const argv = [...args, ...scopeArgs(scope), `--request-timeout=${Math.ceil(timeoutMs / 1000)}s`];
    const limited = {
      ...options,
      // kubectl's own limit is per request, and discovery makes several.
      timeoutMs: options.timeoutMs ?? timeoutMs + 10_000,
      signal: scope.signal,
    };
    return patiently(() => run(argv, limited), scope.signal);
  }

  const target = (to: { namespace: string; pod: string; container?: string }) => [
    '--namespace',
    to.namespace,
    to.pod,
    ...(to.container === undefined ? [] : ['--container', to.container]),
  ];

  return {
    run,
    async serverVersion(scope) {
      const { stdout } = await ask(['version', '--output=json'], scope);
      const { serverVersion } = jsonAnswer<{ serverVersion: { gitVersion: string } }>(
        'kubectl version',
        stdout,
        (answer) => typeof answer?.serverVersion?.gitVersion === 'string',
      );
      return serverVersion.gitVersion;
    },
    async get<T extends KubeObject>(kind: string, name: string, scope?: Scope) {
      try {
        // Not with --ignore-not-found: then no answer and no object would look the same.
        const { stdout } = await ask(['get', kind, name, '--output=json'], scope);
        return jsonAnswer<T>(`kubectl get ${kind} ${name}`, stdout, isObject);
      } catch (error) {
        if (/\(NotFound\)/.test(programFailure(error)?.stderr ?? '')) return undefined;
        throw error;
      }
    },
    async list<T extends KubeObject>(kind: string, scope?: Scope) {
      const { stdout } = await ask(['get', kind, '--output=json'], scope);
      return jsonAnswer<{ items: T[] }>(`kubectl get ${kind}`, stdout, (answer) =>
        Array.isArray(answer?.items),
      ).items;
    },
    async apply(manifests, options = {}) {
      const stdin =
        typeof manifests === 'string'
          ? manifests
          : JSON.stringify({ apiVersion: 'v1', kind: 'List', items: manifests });
      await ask(
        [
          'apply',
          '--server-side',
          `--field-manager=${options.manager ?? settings.manager}`,
          ...(options.forceConflicts === true ? ['--force-conflicts'] : []),
          ...(options.dryRun === true ? ['--dry-run=server'] : []),
          '--filename=-',
        ],
        options,
        { stdin, stdoutIsText: true },
      );
    },
    async label(kind, name, words, scope) {
      await ask(['label', kind, name, ...words], scope, { stdoutIsText: true });
    },
    async patch(kind, name, patch, scope) {
      const how = [`--field-manager=${settings.manager}`, '--type=merge', `--patch=${JSON.stringify(patch)}`];
      await ask(['patch', kind, name, ...how], scope, { stdoutIsText: true });
    },
    async delete(kind, name, scope = {}) {
      const wait = scope.wait ?? true;
      await ask(
        ['delete', kind, name, '--ignore-not-found', `--wait=${wait}`],
        { timeoutMs: 120_000, ...scope },
        { stdoutIsText: true },
      );
    },
    exec(to, argv, { repeatable = false, ...options } = {}) {
      const words = [
        'exec',
        ...(options.stdin === undefined ? [] : ['--stdin']),
        ...target(to),
        '--',
        ...argv,
      ];
      const start = () => run(words, { label: `${argv[0]} in pod ${to.pod}`, ...options });
      return repeatable ? patiently(start, options.signal) : start();
    },
    async logs(to, options = {}) {
      const { stdout } = await ask(
        [
          'logs',
          ...target(to),
          `--tail=${options.tailLines ?? 20}`,
          ...(options.previous === true ? ['--previous'] : []),
        ],
        { signal: options.signal },
      );
      return stdout;
    },
  };
}

function scopeArgs(scope: Scope): string[] {
  return [
    ...(scope.namespace === undefined ? [] : ['--namespace', scope.namespace]),
    ...(scope.allNamespaces === true ? ['--all-namespaces'] : []),
    ...(scope.selector === undefined ? [] : ['--selector', scope.selector]),
  ];
}

/** `kubectl get pods`: the arguments before the first option. */
function labelOf(args: readonly string[]): string {
  const end = args.findIndex((arg) => arg.startsWith('-'));
  return ['kubectl', ...args.slice(0, end === -1 ? args.length : end).slice(0, 3)].join(' ');
}
