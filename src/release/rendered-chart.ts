import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Document, parseAllDocuments } from 'yaml';
import { IvaapError } from '../errors.ts';
import { makeFolder, writeFileAtomic } from '../host/atomic-file.ts';
import type { Manifest } from '../host/kubectl.ts';
import { programFailure } from '../host/program-failure.ts';
import { extractChart } from './chart-tree.ts';
import type { UpgradeContext } from './context.ts';
import { type PlainObject, setAt } from '../policy/values-patches.ts';
import { placeOverlay } from './values-overlay.ts';
import { asHelmReads } from './values-yaml.ts';
import { toEdit } from '../shell-word.ts';

interface RenderedChart {
  objects: Manifest[];
  /** Created by Helm outside the release; Helm keeps no record of their state. */
  hooks: Manifest[];
}

/** Renders on the first call and caches the result. */
export function renderedOnce(ctx: () => UpgradeContext, signal: AbortSignal): UpgradeContext['rendered'] {
  let chart: Promise<RenderedChart> | undefined;
  return async ({ hooks } = { hooks: false }) => {
    const rendered = await (chart ??= renderChart(ctx(), signal));
    return hooks ? [...rendered.objects, ...rendered.hooks] : rendered.objects;
  };
}

/** A value above the operator's own. */
export interface SetValue {
  path: readonly string[];
  value: string;
}

/** The same objects as they would be with other values. Holds secrets. */
export async function renderedWith(
  ctx: UpgradeContext,
  set: readonly SetValue[],
  signal: AbortSignal,
): Promise<Manifest[]> {
  return (await renderChart(ctx, signal, set)).objects;
}

async function writeSet(set: readonly SetValue[], path: string): Promise<string> {
  const values: PlainObject = {};
  for (const { path: at, value } of set) setAt(values, at, value);
  await writeFileAtomic(path, new Document(values, asHelmReads).toString(), { mode: 0o600 });
  return path;
}

/**
 * The objects of this payload's chart with the operator's values and the overlay that the release will need,
 * before either is in place: rendered in the run's work folder, which is removed. Holds secrets. Throws
 * `preflight` with Helm's output when the chart refuses the values.
 */
async function renderChart(
  ctx: UpgradeContext,
  signal: AbortSignal,
  set: readonly SetValue[] = [],
): Promise<RenderedChart> {
  const folder = join(ctx.paths.work, 'rendered');
  const overlay = join(folder, 'overlay.yaml');
  const chart = join(folder, ctx.product.chart.folder);
  try {
    await makeFolder(folder, 0o700);
    await extractChart(ctx, chart, signal);
    const patched = (await placeOverlay(ctx, ctx.values, overlay)).length > 0;
    const valuesFiles = patched ? [ctx.paths.values, overlay] : [ctx.paths.values];
    if (set.length > 0) valuesFiles.push(await writeSet(set, join(folder, 'set.yaml')));
    const text = await ctx.helm
      .template({ chart, valuesFiles, asked: true })
      .catch(async (error: unknown) => {
        // Objects of kinds that the cluster does not know are refused by another check, each by its name.
        if (!/unable to build kubernetes objects/.test(programFailure(error)?.stderr ?? '')) throw error;
        const kubeVersion = await ctx.kubectl.serverVersion({ signal });
        return ctx.helm.template({ chart, valuesFiles, kubeVersion });
      });
    return parseRendered(text);
  } catch (error) {
    if (!(error instanceof IvaapError) || error.code !== 'failed') throw error;
    throw new IvaapError('preflight', `the chart of ${ctx.to} cannot be rendered with ${ctx.values.path}`, {
      cause: error,
      output: error.output,
      hint: `Fix the file (${toEdit(ctx.values.path)}), then run the same command again.`,
    });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** The objects in Helm's YAML output; Helm keeps no record of hooks. */
export function parseRendered(text: string): RenderedChart {
  const all = parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null && typeof manifest === 'object');
  return {
    objects: all.filter(({ metadata }) => !isHook(metadata)),
    hooks: all.filter(({ metadata }) => isHook(metadata)),
  };
}

/** An object may lack metadata; Kubernetes will refuse it. */
function isHook(metadata: Manifest['metadata'] | undefined): boolean {
  const annotations = metadata?.annotations;
  return typeof annotations === 'object' && annotations !== null && 'helm.sh/hook' in annotations;
}
