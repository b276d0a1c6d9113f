import { join } from 'node:path';
import type { ReleaseFiles } from './spec-file.ts';

/** Where the values template lies: a file of its own, or one of the chart's. */
export function templatePath({ spec, product, resolvePath }: ReleaseFiles): string {
  const { values, chart } = product.value;
  const listed = spec.value.files[values.template];
  return listed === undefined
    ? join(resolvePath(spec.value.chart), values.template.slice(chart.folder.length + 1))
    : resolvePath(listed);
}
