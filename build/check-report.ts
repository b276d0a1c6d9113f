import { counted } from '../src/policy/counted.ts';
import { keyText } from '../src/policy/release-notes.ts';
import type { ChartReport, CheckedPlan } from './pack-check.ts';

/** What was found of the chart, in one line for the end of packing. */
export function chartLine(chart: ChartReport | undefined): string {
  if (chart === undefined)
    return (
      'chart not rendered, as valuesMatrix is none: nothing is known of its images, ' +
      'volumes, Secrets and workloads'
    );
  const { combinations, secretBytes } = chart;
  const ways = counted(combinations.length, 'combination');
  const size = `${(secretBytes / 1024).toFixed(1)} KiB`;
  return `chart rendered with ${ways} of values, Helm's record of it at most ${size}`;
}

/** What `--check` looked at, what it found there, and what nobody has looked at. */
export function checkReport(plan: CheckedPlan): string {
  const { chart, files, images, sources, compressed } = plan;
  const inFolder = sources.filter(({ name }) => name.startsWith(`${plan.product.chart.folder}/`)).length;
  const blobs = sources.filter(({ sha256 }) => sha256 !== undefined).length;
  return [
    `looked at: ${files.product.path}, ${files.spec.path}, ` +
      `${counted(inFolder, 'file')} of the chart, ` +
      `${counted(blobs, 'blob')} by digest, ` +
      `${counted(compressed.length, 'compressed layer')} by diffId`,
    chartLine(chart),
    ...(chart === undefined ? [] : renderedLines(chart)),
    ...notNamed(chart, images),
    `not looked at: ${unseen(plan).join('; ')}`,
  ].join('\n');
}

function renderedLines({ combinations, kinds, images }: ChartReport): string[] {
  const count = new Map<string, number>();
  for (const kind of kinds) count.set(kind, (count.get(kind) ?? 0) + 1);
  const objects = [...count].sort(([a], [b]) => (a < b ? -1 : 1)).map(([kind, many]) => `${many} ${kind}`);
  return [
    ...combinations.map((one) => `  with ${one}, as an install and as an upgrade`),
    `objects: ${objects.join(', ') || 'none'}`,
    `images that the chart names: ${images.size === 0 ? 'none' : ''}`.trimEnd(),
    ...[...images]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([image, places]) => `  ${image}  in ${[...places].join(', ')}`),
  ];
}

/** Of an operator, or of values that nobody tried: they are shipped either way. */
function notNamed(chart: ChartReport | undefined, images: CheckedPlan['images']): string[] {
  if (chart === undefined) return [];
  const rest = images.filter(({ reference }) => !chart.images.has(reference));
  return rest.length === 0
    ? []
    : ['packed, and named by nothing that was rendered:', ...rest.map(({ reference }) => `  ${reference}`)];
}

function unseen({ product, spec, chart }: CheckedPlan): string[] {
  const { storageClass } = product.database.volume;
  const switches = [
    ...Object.values(product.entitlements).flatMap(({ enabledPath }) =>
      enabledPath === undefined ? [] : [keyText(enabledPath)],
    ),
    ...(storageClass?.valuesPath === undefined ? [] : [keyText(storageClass.valuesPath)]),
  ];
  const others =
    "other values than the template's" +
    (switches.length === 0 ? '' : `, such as ${switches.join(', ')} switched on`) +
    ' (a valuesMatrix names them)';
  return [
    ...(chart === undefined ? ['whatever the chart renders'] : []),
    ...(spec.valuesMatrix === undefined ? [others] : []),
    'what the chart asks a cluster (lookup, .Capabilities)',
    'what programs in the images do, migrations among it',
  ];
}
