import { join } from 'node:path';
import * as z from 'zod';
import { notOfScheme, parseVersion, sameVersion } from '../src/version.ts';
import type { ReleaseFiles, SpecFile } from './spec-file.ts';
import { readSpecFile, SpecError } from './spec-file.ts';

const chartYaml = z.looseObject({
  name: z.unknown().optional(),
  version: z.unknown().optional(),
  appVersion: z.unknown().optional(),
});

type ChartYaml = SpecFile<z.infer<typeof chartYaml>>;

/**
 * Chart.yaml says whose release it is: hosts compare its name with the product's, and its appVersion, or
 * where it has none its version, with the release's, by value. Throws SpecError with the line, what stands
 * there and what must.
 */
export function checkChartYaml({ spec, product, resolvePath }: ReleaseFiles): void {
  const chart = readSpecFile(join(resolvePath(spec.value.chart), 'Chart.yaml'), chartYaml);
  const { name } = product.value.chart;
  const found = said(chart, 'name');
  const mistakes = [
    ...(chart.value.name === name
      ? []
      : [`${chart.at(['name'])}: name is ${found}, and the product's chart is ${name}: write name: ${name}`]),
    ...versionMistakes(chart),
    ...releaseMistakes(chart, spec.value.release.version),
  ];
  if (mistakes.length > 0) throw new SpecError(mistakes.join('\n'));
}

/** How a field is written. What YAML reads otherwise than as text, Helm and this program do as well. */
function said({ value, written }: ChartYaml, key: 'name' | 'version' | 'appVersion'): string {
  const found = value[key];
  if (found === undefined) return 'missing';
  if (found === null || found === '') return 'empty';
  if (typeof found === 'string') return JSON.stringify(found);
  const text = written([key]);
  return text === undefined
    ? 'no text'
    : `${text} without quotes, which YAML reads as the ${typeof found} ${String(found as number)}`;
}

/** As Helm's documentation has it; Helm itself refuses some of the others, and warns of the rest. */
function versionMistakes(chart: ChartYaml): string[] {
  const { version } = chart.value;
  if (typeof version === 'string' && parseVersion(version, 'semver') !== undefined) return [];
  const isText = typeof version === 'string' && version !== '';
  const found = isText ? notOfScheme(version, 'semver') : said(chart, 'version');
  return [`${chart.at(['version'])}: version is ${found}: a chart's version is one by SemVer 2, as "1.0.0"`];
}

/** A host asks Helm for the version that runs, which is the chart's own where it has no appVersion. */
function releaseMistakes(chart: ChartYaml, release: string): string[] {
  const { version, appVersion } = chart.value;
  const shown = appVersion === undefined ? version : appVersion;
  if (typeof shown === 'string' && sameVersion(shown, release)) return [];
  const key = appVersion === undefined ? 'version' : 'appVersion';
  const what =
    appVersion === undefined
      ? `appVersion is missing, and version is ${said(chart, 'version')}`
      : `appVersion is ${said(chart, 'appVersion')}`;
  return [
    `${chart.at([key])}: ${what}, and the release is ${release}: no host could tell that it is deployed: ` +
      `write appVersion: ${JSON.stringify(release)}`,
  ];
}
