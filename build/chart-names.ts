import type { Manifest } from '../src/host/kubectl.ts';
import { keyText } from '../src/policy/release-notes.ts';
import { valueAt } from '../src/policy/values-patches.ts';
import { podTemplates } from '../src/release/pod-templates.ts';
import type { Rendering } from './chart-render.ts';
import { isSelected } from './manifest-json.ts';
import type { ReleaseFiles } from './spec-file.ts';

/** What product.yaml names of the chart, by the names that the chart has. */

/** Each workload of the product is rendered, and its selector selects its pods. */
export function workloadMistakes({ product }: ReleaseFiles, manifests: readonly Manifest[]): string[] {
  const pods = podTemplates(manifests);
  return product.value.workloads.flatMap(({ kind, name, selector }, position) => {
    const where = product.at(['workloads', position]);
    const templates = pods.filter(({ object }) => object === `${kind}/${name}`);
    if (templates.length === 0)
      return [
        `${where}: the chart renders no ${kind}/${name}: write kind and name of ${renderedNames(pods)}`,
      ];
    const other = templates.find(({ labels }) => !isSelected(labels, selector));
    return other === undefined
      ? []
      : [
          `${where}: the selector ${selector} does not select the pods of ${kind}/${name}, ` +
            `which have ${labelText(other.labels)}`,
        ];
  });
}

type Pods = ReturnType<typeof podTemplates>;

const workloadKinds = /^(?:Deployment|StatefulSet|DaemonSet)\//;

function renderedNames(pods: Pods): string {
  const names = new Set(pods.map(({ object }) => object).filter((object) => workloadKinds.test(object)));
  return names.size === 0
    ? 'a workload that it renders; there is none'
    : `one that it renders: ${[...names].join(', ')}`;
}

const labelText = (labels: Record<string, unknown>): string =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${String(value)}`)
    .join(', ') || 'no labels';

/** A selector that commands are printed with selects pods in some combination. */
export function selectorMistakes({ product }: ReleaseFiles, renderings: readonly Rendering[]): string[] {
  const selector = product.value.values.autoMigrate?.restartSelector;
  const pods = podTemplates(renderings.flatMap(({ manifests }) => manifests));
  if (selector === undefined || pods.some(({ labels }) => isSelected(labels, selector))) return [];
  const migrates = product.value.workloads.find(
    ({ id }) => id === product.value.values.autoMigrate?.workload,
  );
  return [
    `${product.at(['values', 'autoMigrate', 'restartSelector'])}: the selector ${selector} ` +
      'selects no pod of the chart: write that of the workload that migrates, ' +
      (migrates?.selector ?? selector),
  ];
}

/** What is kept out of logs has to be where the values have it. */
export function secretPathMistakes({ product }: ReleaseFiles, renderings: readonly Rendering[]): string[] {
  const all = renderings.flatMap(({ values }) => values);
  return product.value.values.secrets.flatMap((path, position) => {
    if (all.some((values) => valueAt(values, path) !== undefined)) return [];
    // The longest part of the path that there is.
    let known: readonly string[] = path;
    do known = known.slice(0, -1);
    while (known.length > 0 && !all.some((values) => valueAt(values, known) !== undefined));
    const found = all.map((values) => (known.length === 0 ? values : valueAt(values, known)));
    const keys = found.flatMap((one) => (typeof one === 'object' && one !== null ? Object.keys(one) : []));
    const place = known.length === 0 ? 'the values have' : `${keyText(known)} has`;
    return [
      `${product.at(['values', 'secrets', position])}: no values have ${keyText(path)}, so that ` +
        `nothing is kept secret: ${place} ${[...new Set(keys)].join(', ') || 'no keys'}; ` +
        "write one of them, or the key into the chart's values.yaml, empty",
    ];
  });
}
