import { tarFiles } from '../src/images/tar-files.ts';
import { normalizedReference } from '../src/images/reference.ts';
import type { Manifest } from '../src/host/kubectl.ts';
import { podTemplates } from '../src/steps/checks/rendered_images.ts';
import type { Rendering } from './chart-render.ts';
import type { PackPlan } from './pack-plan.ts';
import type { ReleaseFiles } from './spec-file.ts';
import { SpecError } from './spec-file.ts';

/** Kubernetes' limit for the data of a Secret. Source: MaxSecretSize of k8s.io/kubernetes/pkg/apis/core. */
const secretLimit = 1024 * 1024;

/** Refuses a chart with custom resource definitions below `crds/`, its dependencies' included: Helm installs them once and never upgrades them. */
export async function refuseCrds({ product, files, sources }: PackPlan): Promise<void> {
  const where = files.spec.at(['chart']);
  const chart = `${product.chart.folder}/`;
  for (const { name, content } of sources.filter((source) => source.name.startsWith(chart))) {
    const inside = name.slice(chart.length);
    if (/^(charts\/[^/]+\/)*crds\//.test(inside))
      throw new SpecError(`${where}: the chart has ${inside}: Helm never upgrades what lies in crds/`);
    if (!/^(charts\/[^/]+\/)*charts\/[^/]+\.tgz$/.test(inside) || !('path' in content)) continue;
    for await (const file of tarFiles(content.path))
      if (/^[^/]+\/(charts\/[^/]+\/)*crds\//.test(file.name))
        throw new SpecError(`${where}: ${inside} has ${file.name}: Helm never upgrades what lies in crds/`);
  }
}

/** Refuses what no host could run: throws SpecError with every mistake, each once, in the first combination that shows it. */
export function checkRenderings(files: ReleaseFiles, renderings: readonly Rendering[]): void {
  const mistakes = new Map<string, string>();
  for (const rendering of renderings) {
    const found = [
      ...imageMistakes(files, rendering.manifests),
      ...workloadMistakes(files, rendering.manifests),
      ...routeMistakes(files, rendering.manifests),
      ...(rendering.secretBytes > secretLimit
        ? [
            `${files.spec.at(['chart'])}: Helm would keep the release in a Secret of ${rendering.secretBytes} bytes, ` +
              `and Kubernetes takes ${secretLimit}: take files out of the chart`,
          ]
        : []),
    ];
    for (const mistake of found) if (!mistakes.has(mistake)) mistakes.set(mistake, rendering.combination);
  }
  if (mistakes.size > 0)
    throw new SpecError([...mistakes].map(([text, values]) => `${text} (with ${values})`).join('\n'));
}

function imageMistakes({ spec }: ReleaseFiles, manifests: readonly Manifest[]): string[] {
  const { images, archives } = spec.value;
  const packed = new Set(images.map(({ reference }) => normalizedReference(reference)));
  const loaded = new Set(Object.values(archives).flat().map(normalizedReference));
  return podTemplates(manifests).flatMap(({ object, containers }) =>
    containers.flatMap(({ image }) => {
      const name = normalizedReference(image);
      const of = `the chart renders the image ${image} in ${object}`;
      if (!packed.has(name)) return [`${spec.at(['images'])}: ${of}, which is not in the payload`];
      return loaded.has(name) ? [] : [`${spec.at(['archives'])}: ${of}, which is in no archive`];
    }),
  );
}

function workloadMistakes({ product }: ReleaseFiles, manifests: readonly Manifest[]): string[] {
  const pods = podTemplates(manifests);
  return product.value.workloads.flatMap(({ kind, name, selector }, position) => {
    const where = product.at(['workloads', position]);
    const templates = pods.filter(({ object }) => object === `${kind}/${name}`);
    if (templates.length === 0) return [`${where}: the chart renders no ${kind}/${name}`];
    const selected = templates.every(({ labels }) =>
      selector.split(',').every((term) => {
        const [key = '', value] = term.split(/==?/);
        return value === undefined ? key in labels : String(labels[key]) === value;
      }),
    );
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

/** Probes go through the product's ingress, so one of its paths has to lead to each. Routes of other kinds are not ours to read. */
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
          `${product.at(['health', position])}: no Ingress of the chart leads to ${path} of the health route ${id}`,
        ],
  );
}
