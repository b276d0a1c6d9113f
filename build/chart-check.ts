import { dependencyFiles } from './chart-files.ts';
import { checkDatabase } from './chart-database.ts';
import { checkImages } from './chart-images.ts';
import { listMistakes } from './chart-lists.ts';
import type { Rendering } from './chart-render.ts';
import { checkVolumes, rendersDatabase } from './chart-volumes.ts';
import { secretPathMistakes, selectorMistakes, workloadMistakes } from './chart-names.ts';
import { referenceMistakes } from './chart-references.ts';
import { routeFindings } from './health-mistakes.ts';
import type { PackPlan } from './pack-plan.ts';
import { SpecError } from './spec-file.ts';

/** Kubernetes' limit for the data of a Secret. Source: MaxSecretSize of k8s.io/kubernetes/pkg/apis/core. */
const secretLimit = 1024 * 1024;

/**
 * Refuses a chart with custom resource definitions below `crds/`, its dependencies' included: Helm installs
 * them once and never upgrades them.
 */
export async function refuseCrds({ product, files, sources }: PackPlan): Promise<void> {
  const where = files.spec.at(['chart']);
  const chart = `${product.chart.folder}/`;
  for (const { name, content } of sources.filter((source) => source.name.startsWith(chart))) {
    const inside = name.slice(chart.length);
    if (/^(charts\/[^/]+\/)*crds\//.test(inside))
      throw new SpecError(`${where}: the chart has ${inside}: Helm never upgrades what lies in crds/`);
    if (!/^(charts\/[^/]+\/)*charts\/[^/]+\.tgz$/.test(inside) || !('path' in content)) continue;
    for await (const file of dependencyFiles(content.path, where))
      if (/^[^/]+\/(charts\/[^/]+\/)*crds\//.test(file.name))
        throw new SpecError(`${where}: ${inside} has ${file.name}: Helm never upgrades what lies in crds/`);
  }
}

/**
 * Refuses what no host could run: throws SpecError with every mistake, each once, in the first combination
 * that shows it. Returns what a vendor should know.
 */
export function checkRenderings(
  { files, images: packed, variables }: Pick<PackPlan, 'files' | 'images' | 'variables'>,
  renderings: readonly Rendering[],
): string[] {
  const mistakes = new Map<string, string>();
  const warnings = new Map<string, string>();
  const add = (found: Map<string, string>, texts: readonly string[], { combination }: Rendering) => {
    for (const text of texts) if (!found.has(text)) found.set(text, combination);
  };
  const chart = files.spec.at(['chart']);
  for (const rendering of renderings) {
    const { manifests, secretBytes } = rendering;
    const [images, volumes] = [checkImages(files, packed, manifests), checkVolumes(files, manifests)];
    const routes = routeFindings(files, rendering);
    const database = checkDatabase(files, variables, manifests);
    const found = [
      ...images.mistakes,
      ...database.mistakes,
      ...volumes.mistakes,
      ...listMistakes(manifests, chart),
      ...workloadMistakes(files, manifests),
      ...referenceMistakes(files, manifests),
      ...routes.mistakes,
      ...(secretBytes > secretLimit
        ? [
            `${chart}: Helm would keep the release in a Secret of ${secretBytes} bytes, ` +
              `and Kubernetes takes ${secretLimit}: take files out of the chart`,
          ]
        : []),
    ];
    add(mistakes, found, rendering);
    const told = [images, volumes, database, routes].flatMap((one) => one.warnings);
    add(warnings, told, rendering);
  }
  const always = [...secretPathMistakes(files, renderings), ...selectorMistakes(files, renderings)];
  for (const text of always) mistakes.set(text, 'any values');
  const { value, at } = files.product;
  const without = renderings.filter(({ manifests }) => !rendersDatabase(value, manifests));
  const text =
    `${at(['database', 'selector'])}: the chart renders no pod with ` +
    `${value.database.selector}: there is no database to dump`;
  for (const rendering of without)
    add(without.length === renderings.length ? mistakes : warnings, [text], rendering);
  const listed = (found: Map<string, string>) =>
    [...found].map(([what, values]) => `${what} (with ${values})`);
  if (mistakes.size > 0) throw new SpecError(listed(mistakes).join('\n'));
  return listed(warnings);
}
