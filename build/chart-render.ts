import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { minVersion } from 'semver';
import { $ } from 'zx';
import type { Manifest } from '../src/host/kubectl.ts';
import type { PlainObject } from '../src/policy/values-patches.ts';
import { parseRendered } from '../src/release/rendered-chart.ts';
import { renderValues } from '../src/release/values-template.ts';
import type { ValuesMatrix } from './release-spec.ts';
import type { ReleaseFiles } from './spec-file.ts';
import { templatePath } from './template-path.ts';
import { SpecError } from './spec-file.ts';

/** What the chart gives for one combination of values. */
export interface Rendering {
  /** `AXIS=CHOICE` of every axis; without a matrix what stands for it. */
  combination: string;
  /** Of an install and of an upgrade, hooks included. */
  manifests: Manifest[];
  /** Of the Secret in which Helm keeps the release. */
  secretBytes: number;
  /** The chart's own values, its dependencies' included, and those of the combination. */
  values: readonly unknown[];
  /** Those of the combination alone. */
  given: PlainObject;
}

/** The most combinations that are rendered: a matrix beyond this is a mistake, and would take minutes. */
const mostCombinations = 256;
/** How much larger Helm's own gzip comes out than zlib's at the same level: 0.4 % to 1.3 % were measured. */
const gzipMargin = 1.02;

/**
 * Renders the chart by the payload's Helm for every combination of the spec's values matrix, without one as a
 * fresh install with the values template. Throws SpecError with Helm's words.
 */
export async function renderChart(
  files: ReleaseFiles,
  matrix: ValuesMatrix | undefined,
  scratchFolder: string,
): Promise<Rendering[]> {
  const { spec, product, resolvePath } = files;
  const { tools, chart } = spec.value;
  const where = spec.at(matrix === undefined ? ['files'] : ['valuesMatrix']);
  const program = tools['helm']!.path;
  const { namespace, release, k3s } = product.value;
  const helm = await helmRunner(resolvePath(program), join(scratchFolder, 'helm'));
  const oldest = minVersion(k3s.versionRange)?.version;
  const common = [release, resolvePath(chart), '--namespace', namespace];
  const kubernetes = oldest === undefined ? [] : [`--kube-version=v${oldest}`];
  const render = async ({ name, paths }: Combination): Promise<Rendering> => {
    const values = paths.map((path) => `--values=${resolvePath(path)}`);
    const run = async (...args: string[]): Promise<string> => {
      try {
        return await helm([...args, ...values]);
      } catch (cause) {
        const { stderr = '', message } = cause as { stderr?: string; message: string };
        const why = stderr.trim() || message;
        throw new SpecError(`${where}: the chart cannot be rendered with ${name}: ${why}`, { cause });
      }
    };
    const parsed = (text: string) => {
      try {
        return parseRendered(text);
      } catch (cause) {
        const why = (cause as Error).message;
        throw new SpecError(`${where}: what the chart renders with ${name} cannot be read: ${why}`, {
          cause,
        });
      }
    };
    const install = parsed(await run('template', ...common, ...kubernetes));
    const upgrade = parsed(await run('template', ...common, ...kubernetes, '--is-upgrade'));
    const manifests = [install, upgrade].flatMap(({ objects, hooks }) => [...objects, ...hooks]);
    if (manifests.some(({ kind, metadata }) => typeof kind !== 'string' || metadata?.name === undefined))
      throw new SpecError(`${where}: the chart renders an object without kind or name with ${name}`);
    const record = await run('install', ...common, '--dry-run=client', '--output=json');
    const { chart: recorded, config } = JSON.parse(record) as {
      chart: { values?: unknown };
      config?: PlainObject | null;
    };
    return {
      combination: name,
      manifests,
      secretBytes: secretBytes(record.trimEnd()),
      values: [recorded.values, config],
      given: config ?? {},
    };
  };
  const renderings: Rendering[] = [];
  const all = matrix === undefined ? [await freshInstall(files, scratchFolder)] : combinations(matrix, where);
  for (const combination of all) renderings.push(await render(combination));
  return renderings;
}

/** The file that a fresh install writes when nothing is licensed. */
async function freshInstall(files: ReleaseFiles, scratchFolder: string): Promise<Combination> {
  const { product } = files;
  const template = await readFile(templatePath(files), 'utf8');
  const answers = {
    fqdn: `${product.value.name}.example`,
    storagePath: product.value.database.volume.defaultPath,
    entitlements: [],
  };
  const path = join(scratchFolder, 'fresh-install.yaml');
  await writeFile(path, renderValues(product.value, template, answers, false));
  return { name: 'the values template', paths: [path] };
}

/**
 * As Helm stores a release: JSON in gzip in base64; base64 is what Kubernetes counts. `record` is what Helm
 * prints of a dry run.
 */
function secretBytes(record: string): number {
  const { length } = gzipSync(record, { level: 9 });
  return Math.ceil((length * gzipMargin) / 3) * 4;
}

interface Combination {
  name: string;
  /** Values files, later ones win. */
  paths: string[];
}

function combinations(axes: ValuesMatrix, where: string): Combination[] {
  let all: Combination[] = [{ name: '', paths: [] }];
  for (const [axis, choices] of Object.entries(axes)) {
    all = all.flatMap(({ name, paths }) =>
      Object.entries(choices).map(([choice, more]) => ({
        name: `${name}${name === '' ? '' : ' '}${axis}=${choice}`,
        paths: [...paths, ...more],
      })),
    );
    if (all.length > mostCombinations)
      throw new SpecError(`${where}: more than ${mostCombinations} combinations of values`);
  }
  return all;
}

/**
 * Runs the program with an environment of its own: neither a cluster's address nor settings of whoever packs
 * reach it.
 */
async function helmRunner(program: string, folder: string): Promise<(args: string[]) => Promise<string>> {
  await mkdir(folder, { recursive: true });
  const own = ['CACHE_HOME', 'CONFIG_HOME', 'DATA_HOME', 'PLUGINS'];
  const env = {
    PATH: '/usr/bin:/bin',
    HOME: folder,
    KUBECONFIG: '/dev/null',
    ...Object.fromEntries(own.map((name) => [`HELM_${name}`, join(folder, name)])),
  };
  return async (args) => (await $({ env, timeout: '120s', quiet: true })`${program} ${args}`).stdout;
}
