import { join } from 'node:path';
import * as z from 'zod';
import { sameVersion } from '../src/policy/version.ts';
import type { ReleaseFiles } from './spec-file.ts';
import { readSpecFile, SpecError } from './spec-file.ts';

const inQuotes = (name: string) => `${name} is a text to Helm: write it in quotes`;
const chartYaml = z.looseObject({
  name: z.string(inQuotes('name')),
  version: z.string(inQuotes('version')),
  appVersion: z.string(inQuotes('appVersion')).optional(),
});

/**
 * Chart.yaml says whose release it is: hosts compare its name with the product's, and its appVersion, or
 * where it has none its version, with the release's, by meaning. Throws SpecError with the line.
 */
export function checkChartYaml({ spec, product, resolvePath }: ReleaseFiles): void {
  const { value, at } = readSpecFile(join(resolvePath(spec.value.chart), 'Chart.yaml'), chartYaml);
  const { name } = product.value.chart;
  const { version } = spec.value.release;
  const mistakes: string[] = [];
  if (value.name !== name)
    mistakes.push(`${at(['name'])}: the chart is ${value.name}, and the product's is ${name}`);
  const key = value.appVersion === undefined ? 'version' : 'appVersion';
  const said = value.appVersion ?? value.version;
  if (!sameVersion(said, version))
    mistakes.push(
      `${at([key])}: ${key} is ${JSON.stringify(said)}, and the release ` +
        `is ${version}: no host could tell that it is deployed` +
        (key === 'version' ? ' (write appVersion)' : ''),
    );
  if (mistakes.length > 0) throw new SpecError(mistakes.join('\n'));
}
