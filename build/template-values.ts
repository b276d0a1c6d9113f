import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PlainObject } from '../src/policy/values-patches.ts';
import { readAsHelm } from '../src/release/values-yaml.ts';
import type { ReleaseFiles } from './spec-file.ts';
import { templatePath } from './template-path.ts';

/**
 * What a fresh install would write; undefined where the template is missing or no YAML, which is told
 * elsewhere.
 */
export const templateValues = (files: ReleaseFiles): PlainObject | undefined => valuesIn(templatePath(files));

/** The chart's own defaults; undefined where it has none that can be read. */
export const chartValues = ({ spec, resolvePath }: ReleaseFiles): PlainObject | undefined =>
  valuesIn(join(resolvePath(spec.value.chart), 'values.yaml'));

function valuesIn(path: string): PlainObject | undefined {
  try {
    const read = readAsHelm(readFileSync(path, 'utf8').replaceAll(/\{\{\w+\}\}/g, 'answer'));
    return 'root' in read ? read.root : undefined;
  } catch {
    return undefined;
  }
}
