import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { availableParallelism } from 'node:os';
import type { Scratch } from './layout-files.ts';
import { checkRenderings, refuseCrds } from './chart-check.ts';
import type { PackPlan } from './pack-plan.ts';
import { HashPool } from './hash-pool.ts';
import { checkChartYaml } from './chart-yaml.ts';
import { nameOf } from './manifest-json.ts';
import { refuseUnreadable } from './lay-out-plan.ts';
import { KeySearch, keyTraces, ownKey } from './key-search.ts';
import { measureLayers } from './measure-layers.ts';
import { planPack } from './pack-plan.ts';
import { refuseShippedKeys } from './shipped-keys.ts';
import type { SigningKeys } from './signing.ts';
import { signingKeys } from './signing.ts';
import { SpecError } from './spec-file.ts';

/** What rendering the chart showed; undefined where the spec says that nothing is rendered. */
export interface ChartReport {
  combinations: readonly string[];
  /** Of the largest Secret that Helm would keep a release in. */
  secretBytes: number;
  /** What a vendor should know, with file and line. */
  warnings: readonly string[];
  /** `KIND` of every object that is rendered, each object once. */
  kinds: readonly string[];
  /** Every image that the chart names, with the places that name it. */
  images: ReadonlyMap<string, ReadonlySet<string>>;
}

/** A plan that passed every check which needs no blob read. */
export type CheckedPlan = PackPlan & { chart: ChartReport | undefined };

/** Plans and checks, the chart's renderings included. Throws SpecError with file and line. */
export async function checkedPlan(
  specPath: string,
  scratch: Scratch,
  keys?: SigningKeys,
): Promise<CheckedPlan> {
  const plan = await planPack(specPath, scratch);
  refuseUnreadable(plan);
  checkChartYaml(plan.files);
  await refuseShippedKeys(plan, keys);
  await refuseCrds(plan);
  const { valuesMatrix } = plan.spec;
  if (valuesMatrix === 'none') return { ...plan, chart: undefined };
  // Parsing manifests needs much of the product's own code: loaded only where something is rendered.
  const { renderChart } = await import('./chart-render.ts');
  const { foundImages } = await import('./chart-images.ts');
  const renderings = await renderChart(plan.files, valuesMatrix, scratch.folder);
  const warnings = checkRenderings(plan, renderings);
  const manifests = renderings.flatMap((rendering) => rendering.manifests);
  const chart: ChartReport = {
    combinations: renderings.map(({ combination }) => combination),
    secretBytes: Math.max(...renderings.map((rendering) => rendering.secretBytes)),
    warnings,
    kinds: [...new Map(manifests.map((one) => [nameOf(one), one.kind])).values()],
    images: foundImages(manifests),
  };
  return { ...plan, chart };
}

/**
 * Reads every file, compares blobs with their digests and layers with their diffIds, and looks for the key
 * that signs: what packing does while it copies.
 */
export async function checkContents(
  plan: PackPlan,
  keys: SigningKeys | undefined,
  onProgress?: Parameters<typeof measureLayers>[2],
): Promise<void> {
  const traces = keyTraces(signingKeys(keys));
  for (const { name, size, content, sha256, where } of plan.sources) {
    if (!('path' in content)) continue;
    const search = new KeySearch(traces);
    const hash = createHash('sha256');
    const { path, offset: start = 0 } = content;
    if (size > 0)
      for await (const piece of createReadStream(path, { start, end: start + size - 1 })) {
        hash.update(piece as Buffer);
        search.update(piece as Buffer);
      }
    if (search.found) throw new SpecError(`${where}: ${path} holds ${ownKey} (as ${name})`);
    if (sha256 !== undefined && hash.digest('hex') !== sha256)
      throw new SpecError(`${where}: ${name} does not have the digest of its name`);
  }
  const pool = new HashPool(availableParallelism(), traces);
  await measureLayers(plan, pool, onProgress).finally(() => pool.close());
}
