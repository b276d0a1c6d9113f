import type { Manifest } from '../src/host/kubectl.ts';
import { podTemplates } from '../src/release/pod-templates.ts';
import { dependencyFiles } from './chart-files.ts';
import { checkImages } from './chart-images.ts';
import { listMistakes } from './chart-lists.ts';
import type { Rendering } from './chart-render.ts';
import { checkVolumes, rendersDatabase } from './chart-volumes.ts';
import { isSelected } from './manifest-json.ts';
import type { PackPlan } from './pack-plan.ts';
import type { ReleaseFiles } from './spec-file.ts';
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
  { files, images: packed }: Pick<PackPlan, 'files' | 'images'>,
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
    const found = [
      ...images.mistakes,
      ...volumes.mistakes,
      ...listMistakes(manifests, chart),
      ...workloadMistakes(files, manifests),
      ...routeMistakes(files, manifests),
      ...(secretBytes > secretLimit
        ? [
            `${chart}: Helm would keep the release in a Secret of ${secretBytes} bytes, ` +
              `and Kubernetes takes ${secretLimit}: take files out of the chart`,
          ]
        : []),
    ];
    add(mistakes, found, rendering);
    add(warnings, [...images.warnings, ...volumes.warnings], rendering);
  }
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

function workloadMistakes({ product }: ReleaseFiles, manifests: readonly Manifest[]): string[] {
  const pods = podTemplates(manifests);
  return product.value.workloads.flatMap(({ kind, name, selector }, position) => {
    const where = product.at(['workloads', position]);
    const templates = pods.filter(({ object }) => object === `${kind}/${name}`);
    if (templates.length === 0) return [`${where}: the chart renders no ${kind}/${name}`];
    const selected = templates.every(({ labels }) => isSelected(labels, selector));
    return selected ? [] : [`${where}: the selector ${selector} does not select the pods of ${kind}/${name}`];
  });
}

interface IngressPath {
  path?: string;
  pathType?: string;
}
interface IngressSpec {
  defaultBackend?: unknown;
  rules?: { http?: { paths?: IngressPath[] } }[];
}

/**
 * Probes go through the product's ingress, so one of its paths has to lead to each. Routes of other kinds are
 * not ours to read.
 */
function routeMistakes({ product }: ReleaseFiles, manifests: readonly Manifest[]): string[] {
  if (manifests.some(({ kind }) => kind.endsWith('Route'))) return [];
  const specs = manifests.flatMap(({ kind, spec }) =>
    kind === 'Ingress' ? [(spec ?? {}) as IngressSpec] : [],
  );
  const paths = specs.flatMap(({ rules = [] }) => rules.flatMap(({ http }) => http?.paths ?? []));
  const leads =
    (route: string) =>
    ({ path = '/', pathType }: IngressPath): boolean => {
      const prefix = path.replace(/\/+$/, '');
      return path === route || (pathType !== 'Exact' && (route === prefix || route.startsWith(`${prefix}/`)));
    };
  return product.value.health.flatMap(({ id, path }, position) =>
    specs.some(({ defaultBackend }) => defaultBackend !== undefined) || paths.some(leads(path.split('?')[0]!))
      ? []
      : [
          `${product.at(['health', position])}: no Ingress of the ` +
            `chart leads to ${path} of the health route ${id}`,
        ],
  );
}
